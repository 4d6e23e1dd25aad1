import pytest

from ptrapp.pairing import Pair, Scored, best_and_worst, length_controlled


def test_length_control_by_hand() -> None:
    """Scores 1, 2, 3: mean 2, deviation √(2/3) = 0.8165, z = −1.2247, 0, 1.2247.
    Lengths 10, 10, 40: mean 20, deviation √200 = 14.142, z = −0.7071, −0.7071, 1.4142.
    With ρ = 0.5: −0.8712, 0.3536, 0.5176.
    """
    scored = [Scored(1, 10), Scored(2, 10), Scored(3, 40)]
    assert length_controlled(scored, 0.5) == pytest.approx([-0.8712, 0.3536, 0.5176], abs=1e-4)


def test_length_control_can_move_the_choice_to_a_shorter_response() -> None:
    """As above with ρ = 1: −0.5176, 0.7071, −0.1895."""
    scored = [Scored(1, 10), Scored(2, 10), Scored(3, 40)]
    assert best_and_worst(scored) == Pair(2, 0)
    assert best_and_worst(scored, rho=1.0) == Pair(1, 0)


def test_a_malformed_candidate_is_never_chosen_but_may_be_rejected() -> None:
    assert best_and_worst([Scored(9, 1, False), Scored(2, 1), Scored(1, 1)]) == Pair(1, 2)
    assert best_and_worst([Scored(3, 1), Scored(2, 1), Scored(1, 1, False)]) == Pair(0, 2)
    assert best_and_worst([Scored(3, 1, False), Scored(2, 1, False)]) is None


def test_a_malformed_best_leaves_no_pair_when_the_rest_is_no_worse() -> None:
    assert best_and_worst([Scored(9, 1, False), Scored(1, 1)]) is None


@pytest.mark.parametrize("scored", [[], [Scored(1, 1)], [Scored(1, 5)] * 4])
def test_equals_make_no_pair(scored: list[Scored]) -> None:
    assert best_and_worst(scored) is None


def test_ties_are_drawn_by_seed() -> None:
    scored = [Scored(1, 1)] * 4 + [Scored(0, 1)] * 4
    pairs = [best_and_worst(scored, seed=seed) for seed in range(50)]
    assert pairs == [best_and_worst(scored, seed=seed) for seed in range(50)]
    assert {pair.chosen for pair in pairs if pair} == {0, 1, 2, 3}
    assert {pair.rejected for pair in pairs if pair} == {4, 5, 6, 7}
