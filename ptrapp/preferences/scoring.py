"""K responses to one prompt to a score each, whatever kind of judge is asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.judges.base import Judge, Pair, PointwiseJudge, Verdict, compare_many
from ptrapp.preferences.ranking import Beat, bradley_terry

SAME = Verdict(Choice.TIE, "The two responses are the same.")
"""Nobody needs to be asked."""


class Pairwise(StrEnum):
    """Which candidates meet when a judge can only compare."""

    ALL = "all"
    """Every two: K·(K − 1)/2 comparisons."""
    PIVOT = "pivot"
    """Each against one, whose response is of median length (the first such): K − 1 comparisons. A
    judge that favours length finds it neither hard nor easy to beat."""


class Decided(NamedTuple):
    """What a person said of two of the candidates, by their places."""

    left: int
    right: int
    outcome: Choice
    weight: float = 1.0
    """How many verdicts of the judge it is worth."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison that was asked for, by the places of the two."""

    left: int
    right: int
    verdict: Verdict | JudgeError


@dataclass(frozen=True, slots=True)
class ComparisonTally:
    """How comparisons ended. Tallies of many prompts can be added."""

    n_decided: int = 0
    """One response was better."""
    n_ties: int = 0
    """Equally good, or equally bad; a judge asked in both orders said so twice."""
    n_doubts: int = 0
    """Asked in both orders it contradicted itself: stored as a tie it did not agree on."""
    n_unscored: int = 0
    """No readable verdict at all."""
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
        """Share of those asked in both orders that were said twice; None where none was."""
        return 1 - self.n_doubts / self.n_asked_twice if self.n_asked_twice else None


@dataclass(frozen=True, slots=True)
class Scores:
    """What a judge made of the candidates of one prompt."""

    values: tuple[float | None, ...]
    """A score for each candidate, higher is better; None where the judge could not say."""
    verdicts: tuple[Compared, ...] = ()
    """Every comparison; none where the judge gives numbers."""
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
    extra: Sequence[Decided] = (),
) -> Scores:
    """Score the **responses** to one question; a judge that is down leaves them unscored.

    A judge that gives numbers is taken at its word. Another one compares, and its verdicts become
    Bradley–Terry scores (TPO, arXiv 2410.10630, section 2.3); ties, doubts and what it could not
    say are no wins. With `extra`, what people said of the same candidates, numbers are turned into
    wins first: the two have no common scale.
    """
    if isinstance(judge, PointwiseJudge):
        values, errors = _numbers(judge, question, reference_answer, responses)
        if not extra:
            return Scores(tuple(values), errors=tuple(errors))
        said = [*_wins_of(values), *extra]
        heard = {place for place, value in enumerate(values) if value is not None}
        return Scores(_ranked(len(responses), said, heard), errors=tuple(errors))
    verdicts = _compare(judge, question, reference_answer, responses, pairwise)
    own = [
        Decided(each.left, each.right, each.verdict.outcome)
        for each in verdicts
        if isinstance(each.verdict, Verdict)
    ]
    heard = {place for each in own for place in (each.left, each.right)}
    return Scores(
        _ranked(len(responses), [*own, *extra], heard),
        tuple(verdicts),
        tuple(each.verdict for each in verdicts if isinstance(each.verdict, JudgeError)),
    )


def tally(verdicts: Iterable[Verdict | JudgeError]) -> ComparisonTally:
    """Count how comparisons ended."""
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


def _numbers(
    judge: PointwiseJudge, question: str, reference_answer: str | None, responses: Sequence[str]
) -> tuple[list[float | None], list[JudgeError]]:
    """All at once; when that fails one by one, so that one response fails alone."""
    try:
        return list(judge.score(question, reference_answer, responses)), []
    except JudgeError as error:
        if len(responses) <= 1:
            return [None] * len(responses), [error]
    parts = [_numbers(judge, question, reference_answer, [response]) for response in responses]
    return [values[0] for values, _ in parts], [error for _, errors in parts for error in errors]


def _compare(
    judge: Judge,
    question: str,
    reference_answer: str | None,
    responses: Sequence[str],
    pairwise: Pairwise,
) -> list[Compared]:
    """Compare the candidates that meet; of equal responses only one is shown to the judge."""
    first = [responses.index(response) for response in responses]
    meetings = [
        pair if first[pair[0]] <= first[pair[1]] else pair[::-1]
        for pair in _meetings(responses, pairwise)
    ]
    shown = {(first[a], first[b]) for a, b in meetings if first[a] != first[b]}
    asked = sorted(shown)
    pairs = [Pair(question, reference_answer, responses[a], responses[b]) for a, b in asked]
    said = dict(zip(asked, compare_many(judge, pairs), strict=True))
    return [Compared(a, b, said.get((first[a], first[b]), SAME)) for a, b in meetings]


def _meetings(responses: Sequence[str], pairwise: Pairwise) -> list[tuple[int, int]]:
    places = range(len(responses))
    if pairwise is Pairwise.ALL:
        return list(combinations(places, 2))
    by_length = sorted(places, key=lambda place: len(responses[place]))
    pivot = by_length[(len(by_length) - 1) // 2] if by_length else 0
    return [(pivot, place) for place in places if place != pivot]


def _wins_of(values: Sequence[float | None]) -> Iterable[Decided]:
    scored = [(place, value) for place, value in enumerate(values) if value is not None]
    for (a, first), (b, second) in combinations(scored, 2):
        if first != second:
            yield Decided(a, b, Choice.LEFT if first > second else Choice.RIGHT)


def _ranked(n: int, said: Sequence[Decided], heard: set[int]) -> tuple[float | None, ...]:
    """Bradley–Terry scores; None for a candidate of whom nobody said anything."""
    beats, heard = [], set(heard)
    for each in said:
        heard |= {each.left, each.right}
        if each.outcome is Choice.LEFT:
            beats.append(Beat(each.left, each.right, each.weight))
        elif each.outcome is Choice.RIGHT:
            beats.append(Beat(each.right, each.left, each.weight))
    scores = bradley_terry(n, beats)
    return tuple(score if place in heard else None for place, score in enumerate(scores))
