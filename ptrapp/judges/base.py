"""Defines the protocols of judges: responses in, verdicts or scores out, and never a thought."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice

RATER_PREFIX = "judge:"
ROUNDING = 1e-4
"""A reward model's scores of equal responses may differ by this much, depending on their batch."""


def rater_name(judge_name: str) -> str:
    """Returns the rater name of a judge, which no person may have.

    >>> rater_name("verifier")
    'judge:verifier'
    """
    return RATER_PREFIX + judge_name


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's decision, and the reason in a sentence."""

    outcome: Choice
    rationale: str
    agreed: bool | None = None
    """Whether a judge that was asked in both orders gave the same verdict twice. A tie without
    agreement is the judge's doubt, not a tie of the responses."""


class Pair(NamedTuple):
    """Two **responses** to one question, as a judge reads them."""

    question: str
    reference_answer: str | None
    left: str
    right: str


class Judge(Protocol):
    """Compares two responses."""

    @property
    def name(self) -> str:
        """The name under which its votes are stored; one name is one way of judging."""
        ...

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        """Compares two **responses** to `question`.

        Raises `JudgeError` when it cannot: the comparison then stays unscored, it is not a tie.
        """
        ...


@runtime_checkable
class BatchJudge(Judge, Protocol):
    """A judge that compares many pairs faster together than one after another."""

    def compare_many(self, pairs: Sequence[Pair]) -> list[Verdict | JudgeError]:
        """Compares each pair, in order; a pair that cannot be compared has its error instead."""
        ...


@runtime_checkable
class PointwiseJudge(Judge, Protocol):
    """A judge that gives each response a score."""

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        """Returns a score of each **response**, higher is better.

        Raises `JudgeError` when one of them cannot be scored.
        """
        ...


class PartlyScored(JudgeError):
    """A call gave some of its responses no score, or none any: none is asked for again alone, since
    a judge may score the responses to a prompt by each other."""

    def __init__(self, message: str, scores: Sequence[float | None]) -> None:
        super().__init__(message)
        self.scores = scores
        """Of each response; None where it has none."""


@runtime_checkable
class ScoreBasedJudge(PointwiseJudge, Protocol):
    """A judge whose verdict on two responses follows from their scores."""

    def decide(self, left: float, right: float) -> Verdict:
        """Returns the verdict on two **responses** with these scores."""
        ...


def compare_many(judge: Judge, pairs: Sequence[Pair]) -> list[Verdict | JudgeError]:
    """Compares all pairs, at once where the judge can; a failed pair has its error instead."""
    if isinstance(judge, BatchJudge):
        return judge.compare_many(pairs)
    return [_compared(judge, pair) for pair in pairs]


def _compared(judge: Judge, pair: Pair) -> Verdict | JudgeError:
    try:
        return judge.compare(*pair)
    except JudgeError as error:
        return error
