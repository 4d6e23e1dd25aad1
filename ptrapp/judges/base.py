"""The seam every judge fills: two responses in, a verdict out. A thought has no way in."""

from dataclasses import dataclass
from typing import Protocol

from ptrapp.core.types import Preference


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided, and why in a sentence."""

    outcome: Preference
    rationale: str
    agreed: bool | None = None
    """Whether a judge that was asked in both orders said the same twice. A tie it did not agree on
    is its own doubt, not a tie of the responses."""


class Judge(Protocol):
    name: str
    """How its votes are signed; one name is one way of judging."""

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        """Compare two **responses** to `question`.

        Raises `JudgeError` when it cannot: the comparison then stays unscored, it is not a tie.
        """
        ...
