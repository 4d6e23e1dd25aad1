"""The seams a judge fills: responses in, verdicts or scores out. A thought has no way in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice

RATER_PREFIX = "judge:"


def rater_name(judge_name: str) -> str:
    """How a judge is named among the raters; no person may have such a name of theirs.

    >>> rater_name("verifier")
    'judge:verifier'
    """
    return RATER_PREFIX + judge_name


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided, and why in a sentence."""

    outcome: Choice
    rationale: str
    agreed: bool | None = None
    """Whether a judge that was asked in both orders said the same twice. A tie it did not agree on
    is its own doubt, not a tie of the responses."""


class Pair(NamedTuple):
    """Two **responses** to one question, as a judge is handed them."""

    question: str
    reference_answer: str | None
    left: str
    right: str


class Judge(Protocol):
    """Compares two responses."""

    @property
    def name(self) -> str:
        """How its votes are signed; one name is one way of judging."""
        ...

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        """Compare two **responses** to `question`.

        Raises `JudgeError` when it cannot: the comparison then stays unscored, it is not a tie.
        """
        ...


@runtime_checkable
class BatchJudge(Judge, Protocol):
    """A judge that answers many comparisons sooner together than one after another."""

    def compare_many(self, pairs: Sequence[Pair]) -> list[Verdict | JudgeError]:
        """Compare each pair, in their order; what cannot be compared has its reason instead."""
        ...


@runtime_checkable
class PointwiseJudge(Judge, Protocol):
    """A judge that gives a number to each response."""

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        """One number for each **response**, higher is better.

        Raises `JudgeError` when one of them cannot be scored.
        """
        ...


@runtime_checkable
class ByNumbers(PointwiseJudge, Protocol):
    """A judge whose verdict on two responses follows from the numbers it gives them."""

    def decide(self, left: float, right: float) -> Verdict:
        """What it says of two **responses** with these numbers."""
        ...


def compare_many(judge: Judge, pairs: Sequence[Pair]) -> list[Verdict | JudgeError]:
    """Have all pairs compared, at once where the judge can; an error stands for its own pair."""
    if isinstance(judge, BatchJudge):
        return judge.compare_many(pairs)
    return [_compared(judge, pair) for pair in pairs]


def _compared(judge: Judge, pair: Pair) -> Verdict | JudgeError:
    try:
        return judge.compare(*pair)
    except JudgeError as error:
        return error
