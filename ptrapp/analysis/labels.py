"""What one rater said of one comparison, as every measure of raters reads it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ptrapp.core.types import Choice

_DECIDED = (Choice.LEFT, Choice.RIGHT)


@dataclass(frozen=True, slots=True)
class Label:
    """A vote that stands, in the comparison's own terms, not the screen's."""

    rater: str
    comparison: int
    outcome: Choice
    strength: int = 1
    flipped: bool | None = None
    """True where the comparison's right side stood on the left of the screen; None where the sides
    were not drawn by lot, as with a pair that a person put side by side, or with a judge."""
    repeat: bool = False
    """Asked of the same rater a second time: a check, never a further opinion."""
    gold: Choice | None = None
    """The known answer, where there is one."""
    agreed: bool | None = None
    """Whether a judge that was asked in both orders said the same twice."""
    decided_ms: int | None = None

    @property
    def decided(self) -> bool:
        """Whether it prefers a side."""
        return self.outcome in _DECIDED

    @property
    def doubted(self) -> bool:
        """A judge that contradicted itself: no opinion, though it is stored as a tie."""
        return self.agreed is False


def free(labels: Iterable[Label]) -> list[Label]:
    """One opinion of each rater on each comparison: what agreement between raters is made of.

    Repeats are checks on a rater. Comparisons of known answer were chosen to be clear: with them
    raters would seem to agree better than they do on the work itself.
    """
    return [each for each in labels if not (each.repeat or each.gold or each.doubted)]


def by_comparison(labels: Iterable[Label]) -> dict[int, list[Label]]:
    """Opinions of each comparison, in the order given."""
    found: dict[int, list[Label]] = {}
    for label in labels:
        found.setdefault(label.comparison, []).append(label)
    return found


def told_twice(labels: Sequence[Label]) -> list[tuple[Label, Label]]:
    """What raters said first and what they said of the same comparison when asked again."""
    first = {(each.rater, each.comparison): each for each in labels if not each.repeat}
    again = [each for each in labels if each.repeat]
    return [(first[key], each) for each in again if (key := (each.rater, each.comparison)) in first]
