"""Checks of one rater, or of many together: side, gold, repeats, pace."""

import pytest

from ptrapp.analysis.checks import both_orders, gold_score, self_consistency
from ptrapp.analysis.estimates import quantile, rate
from ptrapp.analysis.intervals import wilson
from ptrapp.analysis.labels import Label
from ptrapp.analysis.pace import pace, share_of
from ptrapp.analysis.position import position_bias
from ptrapp.core.types import Choice

L, R, TIE, BAD = Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD


def test_what_was_shown_on_the_left_is_counted_not_what_is_stored_as_left() -> None:
    flipped = [Label("ann", at, R, flipped=True) for at in range(10)]
    plain = [Label("ann", at, L, flipped=False) for at in range(10, 20)]
    away = [Label("ann", at, L, flipped=True) for at in range(20, 25)]
    found = position_bias([*flipped, *plain, *away])
    assert found.left.value == 20 / 25
    assert found.left.interval == wilson(20, 25)
    assert found.biased is True


def test_an_even_rater_is_not_biased_and_ties_take_no_side() -> None:
    even = [Label("ann", at, L, flipped=bool(at % 2)) for at in range(40)]
    ties = [Label("ann", at, TIE, flipped=False) for at in range(40, 80)]
    found = position_bias([*even, *ties])
    assert (found.left.value, found.left.n, found.biased) == (0.5, 40, False)


def test_sides_that_were_not_random_say_nothing_of_bias() -> None:
    found = position_bias([Label("ann", at, L, flipped=None) for at in range(50)])
    assert found.left.missing == "not enough data: needs 20 votes that prefer a side, has 0"
    assert found.biased is None


def test_gold_score_counts_the_known_answer_and_only_first_answers() -> None:
    labels = [
        *[Label("ann", at, L, 3, gold=L) for at in range(6)],
        Label("ann", 6, R, gold=L),
        Label("ann", 7, TIE, gold=TIE),
        Label("ann", 6, L, gold=L, repeat=True),
        Label("ann", 8, R),
    ]
    found = gold_score(labels)
    assert (found.value, found.n) == (7 / 8, 8)


def test_a_key_held_down_is_not_consistent() -> None:
    """Left on the screen both times: with the sides swapped it is left, then right."""
    labels = [Label("ann", at, L, flipped=False) for at in range(8)]
    again = [Label("ann", at, R, flipped=True, repeat=True) for at in range(8)]
    assert self_consistency([*labels, *again]).value == 0
    honest = [Label("ann", at, L, flipped=True, repeat=True) for at in range(8)]
    assert self_consistency([*labels, *honest]).value == 1
    assert self_consistency([*labels, Label("bob", 1, L, repeat=True)]).n == 0


def test_a_judge_is_asked_in_both_orders() -> None:
    labels = [Label("judge", at, L, agreed=at < 6) for at in range(8)]
    assert both_orders(labels).value == 6 / 8
    assert both_orders([Label("ann", 1, L)]).n == 0


def test_quantiles_by_hand() -> None:
    """1 to 100: ranks 50 ± 1.96·5 for the median, 95 ± 1.96·√4.75 = 95 ± 4.27 for the 95th."""
    median, p95 = (quantile(range(1, 101), q, 20, "votes") for q in (0.5, 0.95))
    assert (median.value, median.interval) == (50, (41, 60))
    assert (p95.value, p95.interval) == (95, (91, 100))
    assert quantile([1, 2], 0.5, 20, "votes").missing == "not enough data: needs 20 votes, has 2"


def test_pace_knows_hasty_votes_and_leaves_untimed_ones_out() -> None:
    timed = [Label("ann", at, L, decided_ms=999 if at < 5 else 1000) for at in range(20)]
    found = pace([*timed, Label("ann", 99, L)])
    assert found.hasty.value == 0.25
    assert (found.median_ms.value, found.median_ms.n) == (1000, 20)
    assert found.p95_ms.missing == "not enough data: needs 100 timed votes, has 20"


def test_shares_of_answers_leave_repeats_out() -> None:
    labels = [Label("ann", at, TIE if at < 5 else BAD) for at in range(20)]
    labels += [Label("ann", at, TIE, repeat=True) for at in range(20)]
    assert share_of(TIE, labels).value == 0.25
    assert share_of(BAD, labels).value == 0.75


@pytest.mark.parametrize(("n", "enough"), [(4, False), (5, True)])
def test_a_rate_needs_its_number(n: int, enough: bool) -> None:
    assert (rate(1, n, 5, "votes").value is not None) is enough
