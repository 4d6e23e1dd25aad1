import inspect

import pytest

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.judges.base import Judge
from ptrapp.judges.verifier import Verifier

RIGHT, WRONG = "The answer is 12.", "The answer is 13."


@pytest.mark.parametrize(
    ("left", "right", "outcome"),
    [
        (RIGHT, WRONG, Choice.LEFT),
        (WRONG, RIGHT, Choice.RIGHT),
        (RIGHT, RIGHT, Choice.TIE),
        (WRONG, WRONG, Choice.BOTH_BAD),
    ],
)
def test_the_right_answer_wins(left: str, right: str, outcome: Choice) -> None:
    verdict = Verifier().compare("What is 5 + 7?", "12", left, right)
    assert verdict.outcome is outcome
    assert verdict.rationale


@pytest.mark.parametrize(("left", "right"), [(1.0, 0.0), (0.0, 1.0), (0.75, 0.5), (0.5, 0.5)])
def test_its_words_are_true_from_either_side(left: float, right: float) -> None:
    said, mirrored = Verifier().decide(left, right), Verifier().decide(right, left)
    assert said.rationale == mirrored.rationale
    assert not {"left", "right"} & set(said.rationale.lower().rstrip(".").split())


@pytest.mark.parametrize("reference", [None, ""])
def test_without_a_reference_there_is_no_verdict(reference: str | None) -> None:
    with pytest.raises(JudgeError, match="reference answer"):
        Verifier().compare("Write a poem.", reference, "a", "b")


def test_a_judge_has_no_way_to_see_a_thought() -> None:
    asked = list(inspect.signature(Judge.compare).parameters)
    assert asked == ["self", "question", "reference_answer", "left", "right"]
