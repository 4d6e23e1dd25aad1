"""Computes how fast raters decide, and how often they give an answer such as a tie."""

from collections.abc import Iterable
from dataclasses import dataclass

from ptrapp.analysis.columns import CHOICES, MISSING, LabelColumns, columns_of
from ptrapp.analysis.estimates import Estimate, quantile, rate
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

NEEDED = 20
NEEDED_P95 = 100
"""With fewer the interval of the 95th percentile would end at the slowest vote."""
HASTY_MS = 1000
"""Nobody reads two responses in less; a rater with many such votes guesses."""


@dataclass(frozen=True, slots=True)
class Pace:
    median_ms: Estimate
    p95_ms: Estimate
    hasty: Estimate
    """Share of votes under a second."""


def pace(labels: Iterable[Label] | LabelColumns) -> Pace:
    """Returns statistics of the time from the paint of the pair to the key, of timed votes."""
    times = columns_of(labels).decided_ms
    times = times[times != MISSING]
    n_hasty = int((times < HASTY_MS).sum())
    return Pace(
        quantile(times, 0.5, NEEDED, "timed votes"),
        quantile(times, 0.95, NEEDED_P95, "timed votes"),
        rate(n_hasty, len(times), NEEDED, "timed votes"),
    )


def share_of(outcome: Choice, labels: Iterable[Label] | LabelColumns) -> Estimate:
    """Returns the share of this outcome in a rater's first answers, with Wilson's interval."""
    given = columns_of(labels)
    first = given.outcome[(given.repeat == 0) & ~given.doubted]
    return rate(int((first == CHOICES.index(outcome)).sum()), len(first), NEEDED, "votes")
