"""A judge without a model: better is what states the reference answer, or keeps more of it."""

from collections.abc import Sequence

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.judges.base import Verdict
from ptrapp.judges.thought_removal import response_of
from ptrapp.tasks.check import check, has_constraints
from ptrapp.tasks.kept import Kept

_OUTCOMES = {
    (True, True): Verdict(Choice.TIE, "Both are correct."),
    (True, False): Verdict(Choice.LEFT, "The better one is correct, the other is not."),
    (False, True): Verdict(Choice.RIGHT, "The better one is correct, the other is not."),
    (False, False): Verdict(Choice.BOTH_BAD, "Neither is correct."),
}


class Verifier:
    """Compares and scores by `ptrapp.tasks.check`. Needs a reference answer, or constraints.

    Its rationales name no side: a screen or a file may show the two the other way round.
    """

    name = "verifier"

    def __init__(self, *, nearness: bool = True) -> None:
        """Counts nearness to what is not kept, or with False kept constraints alone."""
        self._nearness = nearness

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        """Returns 1 for a **response** that states the reference answer, else 0.

        Where the prompt has constraints it is the share that is kept, and something for coming near
        the others (`Kept.graded`). Raises `JudgeError` without a reference answer.
        """
        reference = _needed(reference_answer)
        return [self._of(check(response_of(response), reference)) for response in responses]

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        """Compares two **responses**. Raises `JudgeError` without a reference answer."""
        reference = _needed(reference_answer)
        if not has_constraints(reference):
            return self.decide(*self.score(question, reference, (left, right)))
        sides = [check(response_of(side), reference) for side in (left, right)]
        outcome = self.decide(*map(self._of, sides)).outcome
        is_decided = outcome in (Choice.LEFT, Choice.RIGHT)
        better_first = reversed(sides) if outcome is Choice.RIGHT else sides
        said = [
            f"{name} keeps {side.n_kept} of {side.n_asked}"
            + (f" ({'; '.join(side.broken)})" if side.broken else "")
            for name, side in zip(
                ("The better one" if is_decided else "One", "The other"), better_first, strict=True
            )
        ]
        if is_decided and sides[0].n_kept == sides[1].n_kept:
            said.append("The better one comes nearer")
        return Verdict(outcome, f"{'. '.join(said)}.")

    def _of(self, kept: Kept) -> float:
        return kept.graded if self._nearness else kept.score

    def decide(self, left: float, right: float) -> Verdict:
        """Returns the verdict on two scores; equal ones are a tie, or both bad where both are 0."""
        if {left, right} <= {0.0, 1.0}:
            return _OUTCOMES[bool(left), bool(right)]
        if left == right:
            return Verdict(Choice.TIE, f"Both score {left:.0%} of what was asked.")
        better, other = max(left, right), min(left, right)
        said = f"The better one scores {better:.0%} of what was asked, the other {other:.0%}."
        return Verdict(Choice.LEFT if left > right else Choice.RIGHT, said)


def _needed(reference_answer: str | None) -> str:
    if not reference_answer:
        raise JudgeError(
            "The verifier needs a reference answer, and this prompt has none: give it one, or "
            "choose another judge."
        )
    return reference_answer
