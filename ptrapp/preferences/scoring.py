"""Scores K responses to one prompt with a judge of any kind, pointwise or pairwise."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.judges.base import (
    Judge,
    Pair,
    PartlyScored,
    PointwiseJudge,
    Verdict,
    compare_many,
)
from ptrapp.preferences.ranking import Win, bradley_terry

SAME = Verdict(Choice.TIE, "The two responses are the same.")
"""The verdict on two equal responses, for which no judge is asked."""


class Pairwise(StrEnum):
    """Which candidates a judge compares that gives no scores."""

    ALL = "all"
    """All pairs: K·(K − 1)/2 comparisons."""
    PIVOT = "pivot"
    """Each against the one whose response is of median length (the first such): K − 1 comparisons.
    A median response is neither hard nor easy to beat for a judge that favours length."""


class Preferred(NamedTuple):
    """The outcome of comparing two candidates, by their indices."""

    left: int
    right: int
    outcome: Choice
    weight: float = 1.0
    """How many verdicts of the judge it counts for."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison by the judge, with the indices of the two candidates."""

    left: int
    right: int
    verdict: Verdict | JudgeError


@dataclass(frozen=True, slots=True)
class ComparisonTally:
    """Counts of how comparisons ended. Tallies of many prompts can be added."""

    n_decided: int = 0
    """One response was better."""
    n_ties: int = 0
    """Both equally good or bad; in both orders where the judge was asked in both."""
    n_doubts: int = 0
    """The judge contradicted itself in the two orders; stored as a tie with `agreed` False."""
    n_unscored: int = 0
    """No readable verdict."""
    n_asked_twice: int = 0
    """Those of the first three that were asked in both orders."""

    def __add__(self, other: "ComparisonTally") -> "ComparisonTally":
        return ComparisonTally(
            self.n_decided + other.n_decided,
            self.n_ties + other.n_ties,
            self.n_doubts + other.n_doubts,
            self.n_unscored + other.n_unscored,
            self.n_asked_twice + other.n_asked_twice,
        )

    @property
    def agreement(self) -> float | None:
        """Share of comparisons asked in both orders with the same verdict; None without any."""
        return 1 - self.n_doubts / self.n_asked_twice if self.n_asked_twice else None


@dataclass(frozen=True, slots=True)
class Scores:
    """A judge's scores of the candidates of one prompt."""

    values: tuple[float | None, ...]
    """A score for each candidate, higher is better; None where the judge gave no answer."""
    verdicts: tuple[Compared, ...] = ()
    """Every comparison; none where the judge gives scores."""
    errors: tuple[JudgeError, ...] = ()
    """Why candidates or comparisons are unscored."""

    @property
    def tally(self) -> ComparisonTally:
        return tally(each.verdict for each in self.verdicts)


def score_candidates(
    judge: Judge,
    question: str,
    reference_answer: str | None,
    responses: Sequence[str],
    *,
    pairwise: Pairwise = Pairwise.ALL,
    extra: Sequence[Preferred] = (),
) -> Scores:
    """Scores the responses to one question; a judge that is down leaves them unscored.

    Scores of a pointwise judge are taken as they are. Another judge compares, and its verdicts
    become Bradley–Terry scores (TPO, arXiv 2410.10630, section 2.3); ties, doubts and unreadable
    verdicts are no wins. With `extra`, people's votes on the same candidates, a pointwise judge's
    scores are turned into wins first, since the two have no common scale.
    """
    if isinstance(judge, PointwiseJudge):
        values, errors = _scores(judge, question, reference_answer, responses)
        if not extra:
            return Scores(tuple(values), errors=tuple(errors))
        scored = {index for index, value in enumerate(values) if value is not None}
        ranked = _ranked(len(responses), [*_wins_of(values), *extra], scored)
        return Scores(ranked, errors=tuple(errors))
    verdicts = _compare(judge, question, reference_answer, responses, pairwise)
    own = [
        Preferred(each.left, each.right, each.verdict.outcome)
        for each in verdicts
        if isinstance(each.verdict, Verdict)
    ]
    return Scores(
        _ranked(len(responses), [*own, *extra]),
        tuple(verdicts),
        tuple(each.verdict for each in verdicts if isinstance(each.verdict, JudgeError)),
    )


def tally(verdicts: Iterable[Verdict | JudgeError]) -> ComparisonTally:
    """Counts how comparisons ended."""
    total = ComparisonTally()
    for verdict in verdicts:
        total += _counted(verdict)
    return total


def _counted(verdict: Verdict | JudgeError) -> ComparisonTally:
    if isinstance(verdict, JudgeError):
        return ComparisonTally(n_unscored=1)
    twice = int(verdict.agreed is not None)
    if verdict.agreed is False:
        return ComparisonTally(n_doubts=1, n_asked_twice=twice)
    if verdict.outcome in (Choice.LEFT, Choice.RIGHT):
        return ComparisonTally(n_decided=1, n_asked_twice=twice)
    return ComparisonTally(n_ties=1, n_asked_twice=twice)


def _scores(
    judge: PointwiseJudge, question: str, reference_answer: str | None, responses: Sequence[str]
) -> tuple[list[float | None], list[JudgeError]]:
    """Scores all responses at once, and one by one when that fails, so that one fails alone."""
    try:
        return list(judge.score(question, reference_answer, responses)), []
    except PartlyScored as error:
        return list(error.scores), [error] * list(error.scores).count(None)
    except JudgeError as error:
        if len(responses) <= 1:
            return [None] * len(responses), [error]
    parts = [_scores(judge, question, reference_answer, [response]) for response in responses]
    return [values[0] for values, _ in parts], [error for _, errors in parts for error in errors]


def _compare(
    judge: Judge,
    question: str,
    reference_answer: str | None,
    responses: Sequence[str],
    pairwise: Pairwise,
) -> list[Compared]:
    """Compares pairs of candidates; of equal responses the judge is shown only the first."""
    first = [responses.index(response) for response in responses]
    compared = [
        pair if first[pair[0]] <= first[pair[1]] else pair[::-1]
        for pair in _pairs(responses, pairwise)
    ]
    distinct = sorted({(first[a], first[b]) for a, b in compared if first[a] != first[b]})
    pairs = [Pair(question, reference_answer, responses[a], responses[b]) for a, b in distinct]
    verdicts = dict(zip(distinct, compare_many(judge, pairs), strict=True))
    return [Compared(a, b, verdicts.get((first[a], first[b]), SAME)) for a, b in compared]


def _pairs(responses: Sequence[str], pairwise: Pairwise) -> list[tuple[int, int]]:
    indices = range(len(responses))
    if pairwise is Pairwise.ALL:
        return list(combinations(indices, 2))
    by_length = sorted(indices, key=lambda index: len(responses[index]))
    pivot = by_length[(len(by_length) - 1) // 2] if by_length else 0
    return [(pivot, index) for index in indices if index != pivot]


def _wins_of(values: Sequence[float | None]) -> Iterable[Preferred]:
    scored = [(index, value) for index, value in enumerate(values) if value is not None]
    for (a, first), (b, second) in combinations(scored, 2):
        if first != second:
            yield Preferred(a, b, Choice.LEFT if first > second else Choice.RIGHT)


def _ranked(
    n: int, outcomes: Sequence[Preferred], scored: Collection[int] = ()
) -> tuple[float | None, ...]:
    """Returns Bradley–Terry scores; None for a candidate neither compared nor in `scored`."""
    ranked = set(scored)
    wins = []
    for each in outcomes:
        ranked |= {each.left, each.right}
        if each.outcome is Choice.LEFT:
            wins.append(Win(each.left, each.right, each.weight))
        elif each.outcome is Choice.RIGHT:
            wins.append(Win(each.right, each.left, each.weight))
    scores = bradley_terry(n, wins)
    return tuple(score if index in ranked else None for index, score in enumerate(scores))
