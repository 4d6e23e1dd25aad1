import pytest

from ptrapp.preferences.pairing import (
    ChosenRejected,
    Scored,
    best_and_worst,
    length_controlled,
    pair_up,
)


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
    assert best_and_worst(scored) == ChosenRejected(2, 0)
    assert best_and_worst(scored, rho=1.0) == ChosenRejected(1, 0)


def test_a_malformed_candidate_is_never_chosen_but_may_be_rejected() -> None:
    assert best_and_worst([Scored(9, 1, False), Scored(2, 1), Scored(1, 1)]) == ChosenRejected(1, 2)
    assert best_and_worst([Scored(3, 1), Scored(2, 1), Scored(1, 1, False)]) == ChosenRejected(0, 2)
    assert best_and_worst([Scored(3, 1, False), Scored(2, 1, False)]) is None


def test_a_malformed_best_leaves_no_pair_when_the_rest_is_no_worse() -> None:
    assert best_and_worst([Scored(9, 1, False), Scored(1, 1)]) is None


@pytest.mark.parametrize("scored", [[], [Scored(1, 1)], [Scored(1, 5)] * 4])
def test_equals_make_no_pair(scored: list[Scored]) -> None:
    assert best_and_worst(scored) is None


@pytest.mark.parametrize("rho", [-0.5, 0.05, 0.5])
def test_length_alone_makes_no_pair(rho: float) -> None:
    """A judge that finds no difference has said nothing, however long the responses are."""
    assert best_and_worst([Scored(0, 300), Scored(0, 100), Scored(0, 20)], rho=rho) is None
    prompts = [[Scored(0, 300), Scored(0, 20)], [Scored(1, 50), Scored(0, 40)]]
    assert pair_up(prompts, rho=rho).pairs == (None, ChosenRejected(0, 1))


def test_ties_are_drawn_by_seed() -> None:
    scored = [Scored(1, 1)] * 4 + [Scored(0, 1)] * 4
    pairs = [best_and_worst(scored, seed=seed) for seed in range(50)]
    assert pairs == [best_and_worst(scored, seed=seed) for seed in range(50)]
    assert {pair.chosen for pair in pairs if pair} == {0, 1, 2, 3}
    assert {pair.rejected for pair in pairs if pair} == {4, 5, 6, 7}


def test_of_equal_candidates_the_two_nearest_in_length_are_taken() -> None:
    scored = [Scored(1, 300), Scored(1, 90), Scored(0, 20), Scored(0, 100), Scored(0, 800)]
    assert best_and_worst(scored, seed=3) == ChosenRejected(1, 3)


def test_control_does_not_pass_equal_lengths_by_more_than_it_came_near() -> None:
    """Chosen 105 against 100 without control; with the least of it 20 against 900."""
    prompts = [[Scored(1, 105), Scored(1, 20), Scored(0, 100), Scored(0, 900)]] * 4

    found = pair_up(prompts)

    assert (found.rho, found.mean_chosen_length, found.mean_rejected_length) == (0, 105, 100)
    assert pair_up(prompts, rho=0.05).mean_chosen_length == 20


def test_length_control_is_raised_until_chosen_are_no_longer() -> None:
    """The best is twice as long everywhere; a second one, nearly as good, is short."""
    prompts = [[Scored(3, 40), Scored(2.8, 10), Scored(1, 20), Scored(0.5, 22)]] * 5

    free, controlled = pair_up(prompts, rho=0.0), pair_up(prompts)

    assert free.mean_chosen_length > free.mean_rejected_length
    assert 0 < controlled.rho <= 0.5
    assert controlled.mean_chosen_length <= controlled.mean_rejected_length


def test_length_control_is_lowered_until_chosen_are_no_shorter() -> None:
    """The best says next to nothing everywhere; a second one, nearly as good, is long."""
    prompts = [[Scored(3, 4), Scored(2.8, 24), Scored(1, 20), Scored(0.5, 22)]] * 5

    free, controlled = pair_up(prompts, rho=0.0), pair_up(prompts)

    assert free.mean_chosen_length < 0.95 * free.mean_rejected_length
    assert -0.5 <= controlled.rho < 0
    assert controlled.mean_chosen_length >= 0.95 * controlled.mean_rejected_length


def test_lengths_that_are_alike_need_no_control() -> None:
    """Chosen 39 and rejected 40 characters: shorter by less than a twentieth."""
    assert pair_up([[Scored(2, 39), Scored(1, 40)]] * 3).rho == 0


@pytest.mark.parametrize(("chosen", "rejected", "rho"), [(100, 10, 0.5), (10, 100, -0.5)])
def test_length_control_has_an_end(chosen: int, rejected: int, rho: float) -> None:
    found = pair_up([[Scored(2, chosen), Scored(1, rejected)]] * 3)

    assert found.rho == pytest.approx(rho)
    assert all(pair == ChosenRejected(0, 1) for pair in found.pairs)


def test_malformed_candidates_are_rejected_in_a_tenth_of_the_pairs_at_most() -> None:
    prompts = [[Scored(3, 9), Scored(2, 9), Scored(0, 9, False)]] * 40 + [[Scored(1, 9)]] * 5
    sound = [[Scored(3, 9), Scored(2, 9)]] * 27

    found = pair_up(prompts + sound, rho=0.0, seed=1)

    n_pairs = sum(pair is not None for pair in found.pairs)
    assert (n_pairs, found.n_malformed) == (67, 3)
    assert found.pairs.count(ChosenRejected(0, 1)) == 64
    assert pair_up([[Scored(3, 9), Scored(0, 9, False)]], rho=0.0).pairs == (None,)


def test_the_share_of_malformed_can_be_set() -> None:
    """Twelve sound pairs and four with a malformed worst: at most 12 · 0.25 / 0.75 = 4, and none
    at 0, where those prompts have no pair left."""
    prompts = [[Scored(3, 9), Scored(2, 9)]] * 12 + [[Scored(3, 9), Scored(0, 9, False)]] * 4

    some, none = (pair_up(prompts, rho=0.0, most_malformed=share) for share in (0.25, 0.0))

    assert (some.n_malformed, none.n_malformed) == (4, 0)
    assert none.pairs.count(None) == 4
