"""Turns verdicts on pairs into a Bradley–Terry score for each candidate, as TPO does."""

from collections.abc import Iterable
from math import exp
from typing import NamedTuple

RIDGE = 1e-2
"""Pulls scores to 0; without it the score of an undefeated candidate has no maximum."""
_TOLERANCE = 1e-10
_MAX_ITERATIONS = 10_000


class Win(NamedTuple):
    """Candidate `winner` was preferred to `loser`; ties and unreadable verdicts are no wins."""

    winner: int
    loser: int
    weight: float = 1.0


def bradley_terry(n: int, wins: Iterable[Win], *, ridge: float = RIDGE) -> list[float]:
    """Returns n scores e that maximise Σ w·log σ(e_winner − e_loser) − ridge·‖e‖².

    TPO (arXiv 2410.10630, section 2.3) with a ridge added; their mean is 0. Newton's method, one
    coordinate at a time, which converges from any start as the sum is concave.

    Worked by hand: one win, so e = (x, −x), and x solves 2·ridge·x = 1 − σ(2x). With a ridge of ½
    that is x = 1 − σ(2x): x = 0.3374.

    >>> [round(score, 4) for score in bradley_terry(2, [Win(0, 1)], ridge=0.5)]
    [0.3374, -0.3374]
    """
    opponents: list[list[tuple[int, float, float]]] = [[] for _ in range(n)]
    for winner, loser, weight in wins:
        opponents[winner].append((loser, weight, 1.0))
        opponents[loser].append((winner, weight, 0.0))
    scores = [0.0] * n
    for _ in range(_MAX_ITERATIONS):
        largest = 0.0
        for candidate, games in enumerate(opponents):
            slope, curvature = -2 * ridge * scores[candidate], 2 * ridge
            for other, weight, won in games:
                expected = _sigmoid(scores[candidate] - scores[other])
                slope += weight * (won - expected)
                curvature += weight * expected * (1 - expected)
            step = max(-1.0, min(1.0, slope / curvature))
            scores[candidate] += step
            largest = max(largest, abs(step))
        if largest < _TOLERANCE:
            break
    return scores


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
