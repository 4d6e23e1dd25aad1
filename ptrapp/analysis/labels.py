"""Defines a label, one rater's answer to one comparison, as all measures of raters read it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ptrapp.core.types import Choice

_DECIDED = (Choice.LEFT, Choice.RIGHT)


@dataclass(frozen=True, slots=True)
class Label:
    """A current vote, in terms of the comparison's left and right, not the screen's."""

    rater: str
    comparison: int
    outcome: Choice
    strength: int = 1
    flipped: bool | None = None
    """True where the comparison's right side was shown on the left; None where the sides were not
    random, as with a pair that a person chose, or with a judge."""
    repeat: bool = False
    """A second answer of the same rater: a check, not another label."""
    gold: Choice | None = None
    """The known answer, where there is one."""
    agreed: bool | None = None
    """Whether a judge that was asked in both orders gave the same verdict twice."""
    decided_ms: int | None = None

    @property
    def decided(self) -> bool:
        """Whether a side is preferred."""
        return self.outcome in _DECIDED

    @property
    def doubted(self) -> bool:
        """Whether a judge contradicted itself: no label, though it is stored as a tie."""
        return self.agreed is False


def independent(labels: Iterable[Label]) -> list[Label]:
    """Returns one label of each rater on each comparison, on which agreement is measured.

    Repeats are left out, as checks on a rater. So are gold comparisons, which were chosen to be
    clear: with them raters would seem to agree better than they do on the work itself.
    """
    return [each for each in labels if not (each.repeat or each.gold or each.doubted)]


def by_comparison(labels: Iterable[Label]) -> dict[int, list[Label]]:
    """Groups labels by comparison, in the order given."""
    found: dict[int, list[Label]] = {}
    for label in labels:
        found.setdefault(label.comparison, []).append(label)
    return found


def repeated_pairs(labels: Sequence[Label]) -> list[tuple[Label, Label]]:
    """Returns pairs of a rater's first label of a comparison and the repeated one."""
    first = {(each.rater, each.comparison): each for each in labels if not each.repeat}
    again = [each for each in labels if each.repeat]
    return [(first[key], each) for each in again if (key := (each.rater, each.comparison)) in first]
