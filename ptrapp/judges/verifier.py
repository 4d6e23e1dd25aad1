"""The judge that needs no model: the response that states the reference answer is better."""

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Preference
from ptrapp.judges.base import Verdict
from ptrapp.tasks.check import is_correct

_OUTCOMES = {
    (True, True): Verdict(Preference.TIE, "Both state the right answer."),
    (True, False): Verdict(Preference.LEFT, "Only the left one states the right answer."),
    (False, True): Verdict(Preference.RIGHT, "Only the right one states the right answer."),
    (False, False): Verdict(Preference.BOTH_BAD, "Neither states the right answer."),
}


class Verifier:
    """Compares by `is_correct`. Needs a reference answer."""

    name = "verifier"

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        if not reference_answer:
            raise JudgeError(
                f"The verifier needs a reference answer and {question[:60]!r} has none. "
                "Give the prompt one, or choose another judge."
            )
        return _OUTCOMES[is_correct(left, reference_answer), is_correct(right, reference_answer)]
