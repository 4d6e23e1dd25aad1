"""How sure a rate is."""

from math import sqrt
from typing import NamedTuple


class Interval(NamedTuple):
    low: float
    high: float


def wilson(k: int, n: int, z: float = 1.96) -> Interval:
    """Wilson's score interval of a rate of `k` out of `n`; 0 to 1 where nothing was counted.

    Unlike the normal approximation it stays within [0, 1] and is right at 0 and n
    (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).
    """
    if n == 0:
        return Interval(0.0, 1.0)
    rate = k / n
    scale = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z / scale * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))
