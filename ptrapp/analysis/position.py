"""Tests whether raters favour a side of the screen."""

from collections.abc import Iterable
from dataclasses import dataclass

from ptrapp.analysis.columns import LEFT, MISSING, LabelColumns, columns_of
from ptrapp.analysis.estimates import Estimate, rate
from ptrapp.analysis.labels import Label

NEEDED = 20
"""Votes that prefer a side."""


@dataclass(frozen=True, slots=True)
class PositionBias:
    left: Estimate
    """Share of what was shown on the left, in the votes that prefer a side."""
    biased: bool | None
    """Whether one half lies outside the interval; None without an estimate."""


def position_bias(labels: Iterable[Label] | LabelColumns) -> PositionBias:
    """Returns the left side's share of the votes that prefer a side, with Wilson's interval.

    Sides are random for each person and pair, so without bias the share is one half but for chance,
    whatever the responses. Pairs whose sides were not random are left out. Repeats count: they are
    votes on a screen too.

    Worked by hand: L unflipped and R flipped were on the left, R unflipped on the right: 2 of 3.
    """
    given = columns_of(labels)
    drawn = given.where((given.flipped != MISSING) & given.decided)
    n_left = int(((drawn.outcome == LEFT) != (drawn.flipped == 1)).sum())
    left = rate(n_left, len(drawn), NEEDED, "votes that prefer a side")
    if left.interval is None:
        return PositionBias(left, None)
    return PositionBias(left, not left.interval.low <= 0.5 <= left.interval.high)
