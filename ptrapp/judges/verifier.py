"""A judge without a model: the response that states the reference answer is better."""

from collections.abc import Sequence

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.judges.base import Verdict
from ptrapp.judges.thought_removal import response_of
from ptrapp.tasks.check import is_correct

_OUTCOMES = {
    (True, True): Verdict(Choice.TIE, "Both state the right answer."),
    (True, False): Verdict(Choice.LEFT, "Only the left one states the right answer."),
    (False, True): Verdict(Choice.RIGHT, "Only the right one states the right answer."),
    (False, False): Verdict(Choice.BOTH_BAD, "Neither states the right answer."),
}


class Verifier:
    """Compares and scores by `is_correct`. Needs a reference answer."""

    name = "verifier"

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        """Returns 1 for a **response** that states the reference answer, else 0.

        Raises `JudgeError` without a reference answer.
        """
        reference = _needed(question, reference_answer)
        return [float(is_correct(response_of(response), reference)) for response in responses]

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        """Compares two **responses**. Raises `JudgeError` without a reference answer."""
        return self.decide(*self.score(question, reference_answer, (left, right)))

    def decide(self, left: float, right: float) -> Verdict:
        return _OUTCOMES[bool(left), bool(right)]


def _needed(question: str, reference_answer: str | None) -> str:
    if not reference_answer:
        raise JudgeError(
            f"The verifier needs a reference answer and {question[:60]!r} has none. "
            "Give the prompt one, or choose another judge."
        )
    return reference_answer
