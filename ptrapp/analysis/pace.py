"""Computes how fast raters decide, and how often they give an answer such as a tie."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def pace(labels: Sequence[Label]) -> Pace:
    """Returns statistics of the time from the paint of the pair to the key, of timed votes."""
    times = [each.decided_ms for each in labels if each.decided_ms is not None]
    n_hasty = sum(time < HASTY_MS for time in times)
    return Pace(
        quantile(times, 0.5, NEEDED, "timed votes"),
        quantile(times, 0.95, NEEDED_P95, "timed votes"),
        rate(n_hasty, len(times), NEEDED, "timed votes"),
    )


def share_of(outcome: Choice, labels: Sequence[Label]) -> Estimate:
    """Returns the share of this outcome in a rater's first answers, with Wilson's interval."""
    first = [each for each in labels if not (each.repeat or each.doubted)]
    return rate(sum(each.outcome is outcome for each in first), len(first), NEEDED, "votes")
