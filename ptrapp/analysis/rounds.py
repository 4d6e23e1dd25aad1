"""Compares rounds: answers that a later one fixed or broke, and its accuracy given the earlier."""

from collections.abc import Sequence
from typing import NamedTuple


class RoundChanges(NamedTuple):
    """Numbers of problems whose answers changed between two rounds."""

    fixed: int
    """Wrong before, right after."""
    broken: int
    """Right before, wrong after."""
    unchanged: int


class Accuracy(NamedTuple):
    n_correct: int
    n: int

    @property
    def rate(self) -> float | None:
        return self.n_correct / self.n if self.n else None


def changes(before: Sequence[bool], after: Sequence[bool]) -> RoundChanges:
    """Compares two rounds problem by problem. Raises `ValueError` for rounds of unequal size."""
    pairs = list(zip(before, after, strict=True))
    fixed = pairs.count((False, True))
    broken = pairs.count((True, False))
    return RoundChanges(fixed, broken, len(pairs) - fixed - broken)


class Given(NamedTuple):
    """Accuracy of a round given a right and given a wrong answer in the round before."""

    after_right: Accuracy
    after_wrong: Accuracy


def accuracy_given_before(before: Sequence[bool], after: Sequence[bool]) -> Given:
    """Splits a round's accuracy by the round before. Raises `ValueError` for unequal sizes."""
    pairs = list(zip(before, after, strict=True))
    right, wrong = ([now for was, now in pairs if was is value] for value in (True, False))
    return Given(Accuracy(sum(right), len(right)), Accuracy(sum(wrong), len(wrong)))
