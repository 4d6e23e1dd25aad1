"""Computes confidence intervals of rates."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple


class Interval(NamedTuple):
    low: float
    high: float


def wilson(k: float, n: float, z: float = 1.96) -> Interval:
    """Returns Wilson's score interval of a rate of `k` out of `n`; 0 to 1 for n = 0.

    Unlike the normal approximation it stays within [0, 1] and holds at 0 and n
    (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).
    """
    if n == 0:
        return Interval(0.0, 1.0)
    rate = k / n
    scale = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z / scale * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def wilson_of_clusters(counts: Sequence[tuple[int, int]], z: float = 1.96) -> Interval:
    """Returns Wilson's interval of a rate pooled over clusters, such as the answers to one problem.

    `counts` holds (k, n) of each. Answers to one problem are correlated, so they say less than as
    many answers to different ones: n is divided by Kish's design effect (Survey Sampling, 1965,
    8.2), the variance of the pooled rate r divided by that of independent answers,
    Σ(k_i − r·n_i)² / (N·r(1 − r)), taken as at least 1. With one answer to each problem it is
    Wilson's interval itself; where all are right, or none, each cluster counts once.
    """
    k, n = sum(k for k, _ in counts), sum(n for _, n in counts)
    if n == 0:
        return Interval(0.0, 1.0)
    rate = k / n
    if k in (0, n):
        n_effective = float(sum(size > 0 for _, size in counts))
    else:
        spread = sum((one - rate * size) ** 2 for one, size in counts)
        n_effective = n / max(1.0, spread / (n * rate * (1 - rate)))
    return wilson(rate * n_effective, n_effective, z)
