"""How unsure a judge is which of two is better, told from the numbers it gave."""

from collections.abc import Mapping, Sequence
from math import exp
from statistics import pstdev

_FARTHEST = 50.0
"""Standard deviations beyond which nothing is surer; further out `exp` would overflow."""


def uncertainties(
    pairs: Sequence[tuple[int, int]], numbers: Mapping[int, float]
) -> list[float | None]:
    """1 for each pair the judge cannot tell apart, down to 0 where it is sure.

    The difference in standard deviations of all numbers goes through the logistic function p;
    uncertain is 1 − |2p − 1|. None where a number is missing, or all are the same.

    Worked by hand: numbers 0, 0, 1, 1 deviate by ½, so 0 and 1 are 2 apart: p = 0.881.

    >>> numbers = {1: 0.0, 2: 0.0, 3: 1.0, 4: 1.0}
    >>> [known and round(known, 3) for known in uncertainties([(1, 2), (1, 3), (1, 9)], numbers)]
    [1.0, 0.238, None]
    """
    spread = pstdev(numbers.values()) if len(numbers) > 1 else 0.0
    return [
        _uncertainty((numbers[left] - numbers[right]) / spread)
        if spread and left in numbers and right in numbers
        else None
        for left, right in pairs
    ]


def _uncertainty(apart: float) -> float:
    return 1 - abs(2 / (1 + exp(-max(-_FARTHEST, min(_FARTHEST, apart)))) - 1)
