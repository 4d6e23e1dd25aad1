"""K responses get a score each from any kind of judge, and no verdict is no score."""

from collections.abc import Sequence
from math import isclose

import pytest

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.judges.base import Pair, Verdict
from ptrapp.judges.verifier import Verifier
from ptrapp.preferences.scoring import ComparisonTally, Pairwise, Preferred, score_candidates

LEFT, RIGHT, TIE = Choice.LEFT, Choice.RIGHT, Choice.TIE


class Longer:
    """Likes the longer response, and has no verdict on the word "mute"."""

    name = "longer"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        self.asked.append((left, right))
        if "mute" in (left, right):
            raise JudgeError("It said nothing.")
        if len(left) == len(right):
            return Verdict(TIE, "Alike.", agreed=False)
        return Verdict(LEFT if len(left) > len(right) else RIGHT, "Longer.", agreed=True)


class Batched(Longer):
    """The same, all at once."""

    calls = 0

    def compare_many(self, pairs: Sequence[Pair]) -> list[Verdict | JudgeError]:
        self.calls += 1
        return [Verdict(LEFT if len(pair.left) > len(pair.right) else RIGHT, "") for pair in pairs]


class Counting:
    """Gives its length to each response; one that is too long fails the whole call."""

    name = "counting"

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        if any(len(response) > 5 for response in responses):
            raise JudgeError("Too long.")
        return [float(len(response)) for response in responses]

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        raise AssertionError("a judge that gives numbers is asked for numbers")


def test_everybody_meets_everybody_and_the_ranking_follows() -> None:
    judge = Longer()
    scores = score_candidates(judge, "q", None, ["aa", "aaaa", "a", "aaa"])

    assert len(judge.asked) == len(scores.verdicts) == 6
    order = sorted(range(4), key=lambda index: -(scores.values[index] or 0))
    assert order == [1, 3, 0, 2]
    assert isclose(sum(value or 0 for value in scores.values), 0, abs_tol=1e-6)


def test_against_a_pivot_of_median_length_there_are_k_minus_1_comparisons() -> None:
    judge = Longer()
    scores = score_candidates(
        judge, "q", None, ["a", "aaaaa", "aaa", "aaaa", "aa"], pairwise=Pairwise.PIVOT
    )

    assert (
        [left for left, _ in judge.asked].count("aaa")
        + [right for _, right in judge.asked].count("aaa")
        == len(judge.asked)
        == 4
    )
    low, high, pivot, high_too, low_too = (value or 0 for value in scores.values)
    assert low == pytest.approx(low_too)
    assert high == pytest.approx(high_too)
    assert low < pivot < high


def test_a_judge_that_can_is_asked_all_at_once() -> None:
    judge = Batched()
    scores = score_candidates(judge, "q", None, ["a", "aa", "aaa"])

    assert (judge.calls, judge.asked) == (1, [])
    assert scores.values[2] == max(value or 0 for value in scores.values)


def test_equal_responses_are_shown_once_and_score_alike() -> None:
    judge = Longer()
    scores = score_candidates(judge, "q", None, ["aa", "a", "aa", "aa"])

    assert judge.asked == [("aa", "a")]
    assert len(scores.verdicts) == 6
    assert scores.values[0] == pytest.approx(scores.values[2]) == pytest.approx(scores.values[3])
    assert (scores.tally.n_decided, scores.tally.n_ties, scores.tally.agreement) == (3, 3, 1.0)


def test_mirrored_duplicates_keep_their_sides() -> None:
    """The shorter of candidates 1 and 2 was shown first, as candidate 0; sides stay."""
    scores = score_candidates(Longer(), "q", None, ["a", "aa", "a"])

    won = {(each.left, each.right): each.verdict for each in scores.verdicts}
    assert isinstance(won[2, 1], Verdict)
    assert won[2, 1].outcome is RIGHT
    assert (scores.values[1] or 0) > (scores.values[0] or 0)


def test_what_a_judge_did_not_decide_is_no_score_and_no_tie() -> None:
    scores = score_candidates(Longer(), "q", None, ["a", "mute", "aaa"])

    assert scores.values[1] is None
    assert (scores.values[2] or 0) > (scores.values[0] or 0)
    assert scores.tally == ComparisonTally(n_decided=1, n_unscored=2, n_asked_twice=1)
    assert [str(error) for error in scores.errors] == ["It said nothing."] * 2


def test_a_doubt_is_counted_apart_from_a_tie() -> None:
    scores = score_candidates(Longer(), "q", None, ["ab", "cd", "efg"])

    assert (scores.tally.n_decided, scores.tally.n_ties, scores.tally.n_doubts) == (2, 0, 1)
    assert scores.tally.agreement == pytest.approx(2 / 3)
    assert scores.values[0] == pytest.approx(scores.values[1])


def test_tallies_of_prompts_add_up() -> None:
    one, other = ComparisonTally(1, 2, 3, 4, 6), ComparisonTally(10, 0, 0, 1, 4)

    assert one + other == ComparisonTally(11, 2, 3, 5, 10)
    assert (one + other).agreement == pytest.approx(0.7)
    assert ComparisonTally(n_decided=3).agreement is None


def test_people_count_beside_the_judge_and_can_outweigh_it() -> None:
    responses = ["aaaa", "a"]
    alone = score_candidates(Longer(), "q", None, responses)
    scores = score_candidates(Longer(), "q", None, responses, extra=[Preferred(0, 1, RIGHT, 3.0)])
    of_mute = score_candidates(Longer(), "q", None, ["mute", "a"], extra=[Preferred(0, 1, LEFT)])

    assert (alone.values[0] or 0) > (alone.values[1] or 0)
    assert (scores.values[0] or 0) < (scores.values[1] or 0)
    assert (of_mute.values[0] or 0) > (of_mute.values[1] or 0)


def test_numbers_are_taken_as_they_are_and_one_failure_stays_alone() -> None:
    scores = score_candidates(Counting(), "q", None, ["a", "much too long", "aaa"])

    assert scores.values == (1.0, None, 3.0)
    assert [str(error) for error in scores.errors] == ["Too long."]
    assert scores.verdicts == ()


def test_numbers_and_people_meet_as_wins() -> None:
    scores = score_candidates(
        Counting(), "q", None, ["a", "aa", "aaa"], extra=[Preferred(0, 2, LEFT, 5.0)]
    )

    assert (scores.values[0] or 0) > (scores.values[2] or 0)


def test_the_verifier_gives_numbers_and_without_a_reference_none() -> None:
    responses = ["The answer is 4.", "The answer is 5."]

    assert score_candidates(Verifier(), "2 + 2?", "4", responses).values == (1.0, 0.0)
    lost = score_candidates(Verifier(), "2 + 2?", None, responses)
    assert lost.values == (None, None)
    assert "needs a reference answer" in str(lost.errors[0])


@pytest.mark.parametrize("pairwise", list(Pairwise))
@pytest.mark.parametrize("responses", [[], ["alone"]])
def test_nobody_to_compare_is_no_score(pairwise: Pairwise, responses: list[str]) -> None:
    scores = score_candidates(Longer(), "q", None, responses, pairwise=pairwise)

    assert scores.values == (None,) * len(responses)
    assert scores.verdicts == ()
