"""Judges that remember: what is stored of an interrupted job is not asked again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ptrapp.core.errors import JudgeError
from ptrapp.judges.base import Judge, Pair, Verdict, compare_many



@dataclass(frozen=True)
class CachedNumbers:
    """What a judge that gives numbers said of the responses to one question."""

    name: str
    values: Mapping[str, float]
    """By response."""

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        unscored = [response for response in responses if response not in self.values]
        if unscored:
            raise JudgeError(f"{self.name} gave no number to {unscored[0][:60]!r}.")
        return [self.values[response] for response in responses]

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> NoReturn:
        raise JudgeError(f"{self.name} gave numbers and is not asked to compare again.")


@dataclass(frozen=True)
class CachedVerdicts:
    """A judge that compares, and what it said before of the responses to one question."""

    judge: Judge
    said: Mapping[tuple[str, str], Verdict]
    """By the responses on the left and on the right."""

    @property
    def name(self) -> str:
        return self.judge.name

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        known = self._recall(left, right)
        return known or self.judge.compare(question, reference_answer, left, right)

    def compare_many(self, pairs: Sequence[Pair]) -> list[Verdict | JudgeError]:
        known = [self._recall(pair.left, pair.right) for pair in pairs]
        missing = [pair for pair, found in zip(pairs, known, strict=True) if found is None]
        asked = iter(compare_many(self.judge, missing) if missing else [])
        return [found or next(asked) for found in known]

    def _recall(self, left: str, right: str) -> Verdict | None:
        if (found := self.said.get((left, right))) is not None:
            return found
        mirrored = self.said.get((right, left))
        if mirrored is None:
            return None
        return Verdict(mirrored.outcome.mirrored(), mirrored.rationale, mirrored.agreed)
