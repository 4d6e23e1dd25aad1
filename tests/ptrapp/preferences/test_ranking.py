import doctest

import pytest

from ptrapp.preferences import ranking
from ptrapp.preferences.ranking import Win, bradley_terry


def test_the_example_by_hand_holds() -> None:
    assert doctest.testmod(ranking).attempted == 1
    assert doctest.testmod(ranking).failed == 0


def test_scores_follow_the_wins_and_their_mean_is_zero() -> None:
    beats = [Win(a, b) for a in range(8) for b in range(a + 1, 8)]

    scores = bradley_terry(8, beats)

    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(0, abs=1e-6)


def test_an_undefeated_candidate_stays_finite() -> None:
    scores = bradley_terry(2, [Win(0, 1)] * 50)

    assert 1 < scores[0] < 10


def test_wins_back_and_forth_are_equal_and_nobody_asked_is_zero() -> None:
    assert bradley_terry(3, [Win(0, 1), Win(1, 0)]) == pytest.approx([0, 0, 0])
    assert bradley_terry(2, []) == [0, 0]


def test_a_weight_is_a_number_of_wins() -> None:
    heavy = bradley_terry(2, [Win(0, 1, 3.0), Win(1, 0)])

    assert heavy == pytest.approx(bradley_terry(2, [Win(0, 1)] * 3 + [Win(1, 0)]))


def test_a_win_over_a_strong_one_counts_more() -> None:
    """2 and 3 each have one win: 2 over the best, 3 over the worst."""
    beats = [Win(0, 1)] * 3 + [Win(2, 0), Win(3, 1)]

    scores = bradley_terry(4, beats)

    assert scores[2] > scores[3]
