"""Differences of rates: Newcombe's published examples, and edges."""

import pytest

from ptrapp.analysis.paired import difference_of_rates, paired_difference


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


def test_paired_needs_the_same_problems() -> None:
    with pytest.raises(ValueError, match="no problem"):
        paired_difference([], [])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired_difference([True], [True, False])
