"""Differences of rates: Newcombe's published examples, and edges."""

from functools import partial

import pytest

from ptrapp.analysis.paired import difference_of_rates, difference_of_rounds, paired_difference


def answers(both: int, broken: int, fixed: int, neither: int) -> tuple[list[bool], list[bool]]:
    before = [True] * (both + broken) + [False] * (fixed + neither)
    after = [True] * both + [False] * broken + [True] * fixed + [False] * neither
    return before, after


def test_the_paired_interval_is_the_published_one() -> None:
    """Newcombe 1998, Stat. Med. 17, 2635-2650, the table of 36, 12, 2 and 0 by method 10."""
    found = paired_difference(*answers(36, 2, 12, 0))
    assert [round(end, 4) for end in found.interval] == [0.0569, 0.3404]
    assert (found.n, found.broken, found.fixed, found.value) == (50, 2, 12, 0.2)


def test_the_other_way_round_it_is_mirrored() -> None:
    before, after = answers(30, 4, 9, 7)
    there, back = paired_difference(before, after), paired_difference(after, before)
    assert there.value == pytest.approx(-back.value)
    assert there.interval.low == pytest.approx(-back.interval.high)


def test_no_change_is_no_difference_but_not_for_certain() -> None:
    found = paired_difference(*answers(20, 0, 0, 0))
    assert found.value == 0
    assert found.interval.low < 0 < found.interval.high


def test_independent_intervals_are_those_published() -> None:
    value, (low, high) = difference_of_rates(56, 70, 48, 80)
    assert [round(one, 4) for one in (value, low, high)] == [0.2, 0.0524, 0.3339]


@pytest.mark.parametrize("counts", [(250, 4, 22, 124), (5, 5, 5, 5), (0, 0, 7, 3), (3, 6, 0, 1)])
def test_of_rounds_that_changed_back_the_interval_is_no_narrower(
    counts: tuple[int, int, int, int],
) -> None:
    before, after = answers(*counts)
    exact = paired_difference(before, after)
    changed = exact.fixed + exact.broken
    of_rounds = partial(difference_of_rounds, len(before), sum(before), sum(after))
    assert of_rounds(changed) == exact
    wider = of_rounds(changed + 2)
    assert wider.value == exact.value
    assert wider.interval.low <= exact.interval.low
    assert wider.interval.high >= exact.interval.high


def test_no_more_answers_differ_than_can() -> None:
    for n_before, n_after in ((10, 10), (0, 3), (10, 3), (5, 5)):
        found = difference_of_rounds(10, n_before, n_after, 1000)
        assert found.broken <= n_before
        assert found.fixed <= 10 - n_before
        assert found.value == pytest.approx((n_after - n_before) / 10)


def test_paired_needs_the_same_problems() -> None:
    with pytest.raises(ValueError, match="no problem"):
        paired_difference([], [])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired_difference([True], [True, False])
