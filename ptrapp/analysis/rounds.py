"""What another round did: answers it fixed and broke, and how it went after a right one."""

from collections.abc import Sequence
from typing import NamedTuple


class Flips(NamedTuple):
    """Of the same problems in two rounds."""

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


def flips(before: Sequence[bool], after: Sequence[bool]) -> Flips:
    """Compare two rounds problem by problem. Raises `ValueError` for rounds of unequal size."""
    pairs = list(zip(before, after, strict=True))
    fixed = pairs.count((False, True))
    broken = pairs.count((True, False))
    return Flips(fixed, broken, len(pairs) - fixed - broken)


class Given(NamedTuple):
    """How a round went after a right and after a wrong one: does a right attempt help?"""

    after_right: Accuracy
    after_wrong: Accuracy


def given_before(before: Sequence[bool], after: Sequence[bool]) -> Given:
    """Split a round's accuracy by the round before. Raises `ValueError` for unequal sizes."""
    pairs = list(zip(before, after, strict=True))
    right, wrong = ([now for was, now in pairs if was is value] for value in (True, False))
    return Given(Accuracy(sum(right), len(right)), Accuracy(sum(wrong), len(wrong)))
