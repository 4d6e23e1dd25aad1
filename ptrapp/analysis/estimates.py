"""Defines an estimate with its interval, or the reason why there is none yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from ptrapp.analysis.intervals import Interval, wilson


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; without a value, `missing` says why in words."""

    n: int
    """Number of observations."""
    value: float | None = None
    interval: Interval | None = None
    missing: str = ""


def too_few(n: int, needed: int, what: str) -> Estimate:
    """Returns an estimate without a value, because there are too few observations.

    >>> too_few(3, 10, "shared comparisons").missing
    'not enough data: needs 10 shared comparisons, has 3'
    """
    return Estimate(n, missing=f"not enough data: needs {needed} {what}, has {n}")


def rate(k: int, n: int, needed: int, what: str) -> Estimate:
    """Returns the share k/n with Wilson's interval, once there are `needed` observations.

    >>> rate(8, 10, 5, "gold answers").value
    0.8
    """
    return Estimate(n, k / n, wilson(k, n)) if n >= max(needed, 1) else too_few(n, needed, what)


def mean(n: int, value: float | None, square: float | None) -> Estimate:
    """Returns the mean of n values with its normal interval, from it and the mean of their squares.

    >>> mean(100, 10.0, 104.0).interval
    Interval(low=9.608, high=10.392)
    """
    if value is None or square is None or n < 2:
        return too_few(0 if value is None else n, 2, "measured answers")
    half = 1.96 * sqrt(max(0.0, square - value * value) / n)
    return Estimate(n, value, Interval(value - half, value + half))


def quantile(values: Sequence[float] | np.ndarray, q: float, needed: int, what: str) -> Estimate:
    """Returns the q-quantile; its interval is between two of the values.

    The values of rank  n·q ± 1.96·√(n·q·(1 − q)),  rounded up, hold the quantile of any
    distribution (Conover 1999, Practical Nonparametric Statistics, 3.2). 1 to 100, q = ½: the
    value is 50, the ranks 50 ± 9.8 are 41 and 60.

    >>> quantile(range(1, 101), 0.5, 20, "votes")
    Estimate(n=100, value=50.0, interval=Interval(low=41.0, high=60.0), missing='')
    """
    n = len(values)
    if n < max(needed, 1):
        return too_few(n, needed, what)
    ordered = np.sort(np.asarray(values))
    half = 1.96 * sqrt(n * q * (1 - q))
    value, low, high = (
        float(ordered[min(max(ceil(rank), 1), n) - 1])
        for rank in (n * q, n * q - half, n * q + half)
    )
    return Estimate(n, value, Interval(low, high))
