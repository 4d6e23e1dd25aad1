"""Estimates from a judge's scores how unsure it is which of two candidates is better."""

from collections.abc import Mapping, Sequence
from math import exp
from statistics import pstdev

_MAX_DIFFERENCE = 50.0
"""In standard deviations; a larger one changes nothing, and much larger ones overflow `exp`."""


def uncertainties(
    pairs: Sequence[tuple[int, int]], scores: Mapping[int, float]
) -> list[float | None]:
    """Returns for each pair the judge's uncertainty, from 0 (sure) to 1 (cannot tell them apart).

    The difference in standard deviations of all scores goes through the logistic function to p; the
    uncertainty is 1 − |2p − 1|. None where a score is missing, or all are the same.

    Worked by hand: scores 0, 0, 1, 1 deviate by ½, so 0 and 1 are 2 apart: p = 0.881.

    >>> scores = {1: 0.0, 2: 0.0, 3: 1.0, 4: 1.0}
    >>> [known and round(known, 3) for known in uncertainties([(1, 2), (1, 3), (1, 9)], scores)]
    [1.0, 0.238, None]
    """
    deviation = pstdev(scores.values()) if len(scores) > 1 else 0.0
    return [
        _uncertainty((scores[left] - scores[right]) / deviation)
        if deviation and left in scores and right in scores
        else None
        for left, right in pairs
    ]


def _uncertainty(difference: float) -> float:
    bounded = max(-_MAX_DIFFERENCE, min(_MAX_DIFFERENCE, difference))
    return 1 - abs(2 / (1 + exp(-bounded)) - 1)
