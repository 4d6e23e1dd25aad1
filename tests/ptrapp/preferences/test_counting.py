"""Several votes on one comparison become one outcome, or none and a reason."""

from collections import Counter

import pytest

from db.models import Outcome, Vote
from ptrapp.preferences.counting import Counting, count

L, R, T, BAD = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD


def votes(*outcomes: Outcome, strength: int = 1) -> list[Vote]:
    return [Vote(id=n, outcome=o, strength=strength) for n, o in enumerate(outcomes, start=1)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((T, T), "tie"),
        ((BAD,), "both bad"),
        ((L, R), "raters disagree"),
        ((L, T), "raters disagree"),
        ((L, BAD), "raters disagree"),
        ((BAD, BAD, L), "both bad"),
        ((T, T, L), "tie"),
    ],
)
def test_without_a_majority_for_a_side_there_is_no_pair(
    given: tuple[Outcome, ...], reason: str
) -> None:
    dropped: Counter[str] = Counter()

    assert count(votes(*given), Counting(), dropped) is None
    assert dropped == {reason: 1}


def test_the_majority_decides_alone_and_rests_on_its_own_votes() -> None:
    counted = count(votes(L, R, R, T), Counting(), Counter())

    assert counted is not None
    assert (counted.better, counted.outcomes, counted.vote_ids) == (R, (1.0, 0.0, 0.0), (2, 3))


def test_soft_labels_keep_every_vote() -> None:
    counted = count(votes(L, R, R, T), Counting(ties=True, soft=True), Counter())

    assert counted is not None
    assert (counted.better, counted.outcomes) == (R, (0.5, 0.25, 0.25))
    assert counted.vote_ids == (1, 2, 3, 4)


def test_soft_labels_for_a_loss_without_ties_leave_them_out() -> None:
    counted = count(votes(L, R, R, T), Counting(soft=True), Counter())

    assert counted is not None
    assert counted.outcomes == pytest.approx((2 / 3, 0.0, 1 / 3))


def test_raters_who_contradict_each_other_evenly_are_even_shares() -> None:
    counted = count(votes(L, R), Counting(soft=True), Counter())

    assert counted is not None
    assert counted.outcomes == (0.5, 0.0, 0.5)


def test_a_tie_is_an_outcome_where_the_loss_knows_ties() -> None:
    counted = count(votes(T, T, strength=3), Counting(ties=True), Counter())

    assert counted is not None
    assert counted.outcomes == (0.0, 1.0, 0.0)
    assert counted.strength == 1, "a tie is not much of a tie"


@pytest.mark.parametrize("soft", [True, False])
def test_both_bad_never_becomes_a_pair(soft: bool) -> None:
    dropped: Counter[str] = Counter()

    for given in ((BAD,), (BAD, L), (BAD, BAD, T), (BAD, BAD, L, R)):
        assert count(votes(*given), Counting(ties=True, soft=soft), dropped) is None
    assert dropped.total() == 4


def test_a_single_both_bad_does_not_undo_what_most_prefer() -> None:
    counted = count(votes(L, L, BAD), Counting(soft=True), Counter())

    assert counted is not None
    assert counted.outcomes == (1.0, 0.0, 0.0)


def test_strength_is_the_mean_of_those_who_found_it_better() -> None:
    given = votes(L, L, R)
    given[0].strength, given[1].strength, given[2].strength = 3, 2, 1

    counted = count(given, Counting(soft=True), Counter())

    assert counted is not None
    assert counted.strength == 2.5


def test_a_judge_that_contradicted_itself_gives_no_tie() -> None:
    doubt = Vote(id=9, outcome=T, strength=1, agreed=False)
    ties, dropped = Counting(ties=True, soft=True), Counter[str]()

    assert count([doubt], ties, dropped) is None
    assert dropped == {"the judge contradicted itself": 1}
    counted = count([*votes(L), doubt], ties, Counter())
    assert counted is not None
    assert (counted.outcomes, counted.vote_ids) == ((1.0, 0.0, 0.0), (1,))
