"""Win rates plain, at equal length, and how sure they are."""

from math import exp, log

import pytest

from ptrapp.analysis.bootstrap import clustered_interval
from ptrapp.analysis.paired import paired_difference
from ptrapp.analysis.winrates import (
    Game,
    length_controlled_win_rate,
    plain_win_rate,
    win_rate,
)


def games(*wins: float, lengths: tuple[float, ...] | None = None) -> list[Game]:
    differences = lengths or (0.0,) * len(wins)
    pairs = zip(wins, differences, strict=True)
    return [Game(f"prompt {at}", *pair) for at, pair in enumerate(pairs)]


def test_a_tie_is_half_a_win() -> None:
    assert plain_win_rate(games(1, 0.5, 0, 1)) == 0.625


def test_at_equal_length_both_rates_are_one() -> None:
    """With d = 0 everywhere θ solves n(w̄ − σ(θ)) = ridge·θ: without a ridge, σ(θ) = w̄."""
    same = games(*[1.0] * 30 + [0.0] * 10)
    assert length_controlled_win_rate(same, ridge=1e-9) == pytest.approx(0.75)
    theta = log(3)
    shrunk = length_controlled_win_rate(same, ridge=0.1)
    assert 0.74 < shrunk < 1 / (1 + exp(-theta))


def test_wins_that_length_explains_are_taken_back() -> None:
    """The first wins where it is longer and loses where it is shorter, and it is mostly longer."""
    longer = games(*[1.0] * 80 + [0.0] * 20, lengths=(100.0,) * 80 + (-100.0,) * 20)
    noisy = [*longer, *games(*[0.0] * 8, lengths=(100.0,) * 8)]
    assert plain_win_rate(noisy) > 0.7
    assert length_controlled_win_rate(noisy) < 0.55


def test_wins_that_length_does_not_explain_stay() -> None:
    """Worked by hand: both lengths occur alike, each with 3 wins of 4, so φ = 0 and σ(θ) = 3/4."""
    mixed = games(1, 1, 1, 0, 1, 1, 1, 0, lengths=(50.0,) * 4 + (-50.0,) * 4)
    assert length_controlled_win_rate(mixed, ridge=1e-9) == pytest.approx(0.75)


def test_a_version_that_never_loses_has_a_finite_rate() -> None:
    assert 0.9 < length_controlled_win_rate(games(*[1.0] * 50)) < 1


def test_the_interval_holds_the_rate_and_knows_its_prompts() -> None:
    apart = games(*[1.0, 0.0, 1.0, 1.0] * 10)
    found = win_rate(apart)
    assert found is not None
    assert found.plain_interval.low < found.plain == 0.75 < found.plain_interval.high
    doubled = [*apart, *apart]
    again = win_rate(doubled)
    assert again is not None
    assert again.plain_interval == found.plain_interval, "answers counted twice are no more certain"


@pytest.mark.parametrize("win", [0.0, 0.5, 1.0])
def test_judgements_that_are_all_alike_are_no_certainty(win: float) -> None:
    """No resample differs from them: without more, 13 wins of 13 would be 100 to 100."""
    found = win_rate([Game(f"prompt {number % 13}", win, number) for number in range(26)])
    assert found is not None
    low, high = found.plain_interval
    assert 0 <= low < high <= 1
    assert low <= win <= high
    assert 0.05 < high - low < 0.3
    assert found.length_controlled_interval.low <= found.plain_interval.low
    assert found.length_controlled_interval.high >= found.plain_interval.high


@pytest.mark.parametrize(("won", "is_clear"), [(1, False), (4, False), (5, True), (20, True)])
def test_a_few_wins_among_ties_are_as_clear_as_the_gate_finds_them(
    won: int, is_clear: bool
) -> None:
    """No resample holds a loss where there was none: by itself one win of 200 would be certain."""
    found = win_rate(games(*[1.0] * won, *[0.5] * (200 - won)))
    assert found is not None
    assert (found.plain_interval.low > 0.5) is is_clear
    before, after = [True] * 100 + [False] * 100, [True] * (100 + won) + [False] * (100 - won)
    gate = paired_difference(before, after).interval
    assert (gate.low > 0) is is_clear
    lost = win_rate(games(*[0.0] * won, *[0.5] * (200 - won)))
    assert lost is not None
    assert (lost.plain_interval.high < 0.5) is is_clear


def test_a_version_that_lost_eight_and_won_two_has_not_clearly_lost_to_either() -> None:
    """Of 200 answers: the gate found no difference where most resamples have more losses."""
    found = win_rate(games(*[1.0] * 2, *[0.0] * 8, *[0.5] * 190))
    gate = paired_difference([True] * 110 + [False] * 90, [True] * 102 + [False] * 96 + [True] * 2)
    assert (gate.fixed, gate.broken) == (2, 8)
    assert found is not None
    assert found.plain_interval.high > 0.5
    assert gate.interval.high > 0


def test_nothing_judged_is_no_rate() -> None:
    assert win_rate([]) is None


def test_the_bootstrap_is_near_the_textbook_and_repeats_itself() -> None:
    """Mean of 100 values of 0 and 1, half each: 0.5 ± 1.96·0.05."""
    rows = [0.0, 1.0] * 50
    low, high = clustered_interval(rows, range(100), lambda drawn: sum(drawn) / len(drawn))
    assert low == pytest.approx(0.402, abs=0.015)
    assert high == pytest.approx(0.598, abs=0.015)
    again = clustered_interval(rows, range(100), lambda drawn: sum(drawn) / len(drawn))
    assert again == (low, high)
    with pytest.raises(ValueError, match="no row"):
        clustered_interval([], [], lambda _: 0.0)
