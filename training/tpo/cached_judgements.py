"""Judges that return stored judgements, so that a resumed job asks only for the missing ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ptrapp.core.errors import JudgeError
from ptrapp.judges.base import Judge, Pair, Verdict, compare_many


@dataclass(frozen=True)
class CachedScores:
    """A judge's stored scores of the responses to one question."""

    name: str
    scores: Mapping[str, float]
    """Scores by response."""

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        unscored = [response for response in responses if response not in self.scores]
        if unscored:
            raise JudgeError(f"{self.name} gave no number to {unscored[0][:60]!r}.")
        return [self.scores[response] for response in responses]

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> NoReturn:
        raise JudgeError(f"{self.name} gave numbers and is not asked to compare again.")


@dataclass(frozen=True)
class CachedVerdicts:
    """A judge that compares, with its stored verdicts on the responses to one question."""

    judge: Judge
    verdicts: Mapping[tuple[str, str], Verdict]
    """Verdicts by the responses on the left and on the right."""

    @property
    def name(self) -> str:
        return self.judge.name

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        cached = self._cached(left, right)
        return cached or self.judge.compare(question, reference_answer, left, right)

    def compare_many(self, pairs: Sequence[Pair]) -> list[Verdict | JudgeError]:
        cached = [self._cached(pair.left, pair.right) for pair in pairs]
        missing = [pair for pair, verdict in zip(pairs, cached, strict=True) if verdict is None]
        asked = iter(compare_many(self.judge, missing) if missing else [])
        return [verdict or next(asked) for verdict in cached]

    def _cached(self, left: str, right: str) -> Verdict | None:
        if (verdict := self.verdicts.get((left, right))) is not None:
            return verdict
        mirrored = self.verdicts.get((right, left))
        if mirrored is None:
            return None
        return Verdict(mirrored.outcome.mirrored(), mirrored.rationale, mirrored.agreed)
