"""Defines a label, one rater's answer to one comparison, as all measures of raters read it."""

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
