"""Computes how much better one version answers the same problems than another, with an interval."""

from math import sqrt
from typing import NamedTuple

from ptrapp.analysis.intervals import Interval, wilson


class PairedDifference(NamedTuple):
    """The difference of two rates on the same problems, between −1 and 1."""

    n: int
    fixed: int
    """Wrong before, right after."""
    broken: int
    """Right before, wrong after."""
    value: float
    interval: Interval


def paired_difference(before: list[bool], after: list[bool]) -> PairedDifference:
    """Returns the rate of `after` minus that of `before`, with its 95 % interval.

    Newcombe's hybrid score interval for paired proportions (Newcombe 1998, Stat. Med. 17,
    2635-2650, method 10): Wilson's intervals of both rates, joined by their correlation φ. Unlike
    the normal approximation it holds where few problems changed. Raises `ValueError` for lists of
    unequal length or without a problem.

    >>> before = [True] * 38 + [False] * 12
    >>> found = paired_difference(before, [True] * 36 + [False] * 2 + [True] * 12)
    >>> found.fixed, found.broken, [round(end, 4) for end in found.interval]
    (12, 2, [0.0569, 0.3404])
    """
    pairs = list(zip(before, after, strict=True))
    if not pairs:
        raise ValueError("there is no problem that both answered")
    return _paired(*(pairs.count((was, now)) for was in (True, False) for now in (True, False)))


def difference_of_rounds(n: int, n_before: int, n_after: int, changed: int) -> PairedDifference:
    """Returns the rate of a later round minus that of an earlier one, on the same `n` problems.

    `n_before` and `n_after` were right, and answers became right or wrong `changed` times on the
    way. Who changed twice ends as it began, so fewer may differ in the end: all are taken to, by
    which the interval is that of `paired_difference` or wider.

    >>> found = difference_of_rounds(400, 254, 272, 22)
    >>> found.fixed, found.broken, [round(end, 3) for end in found.interval]
    (20, 2, [0.022, 0.068])
    """
    gain = n_after - n_before
    differ = min(changed, n_before + n_after, 2 * n - n_before - n_after)
    broken = max(0, differ - abs(gain)) // 2 + max(0, -gain)
    fixed = broken + gain
    both = n_before - broken
    return _paired(both, broken, fixed, n - both - broken - fixed)


def difference_of_wins(won: float, lost: float, n: int) -> Interval:
    """Returns the interval of (won − lost)/n, of `n` pairs of which the others are ties.

    It is that of `paired_difference` where half of the ties are right on both sides. The fewer ties
    there are, the more one side's win is the other's loss: without one it is as wide as Wilson's
    interval of the share won, also where all were won and the table tells no correlation.

    >>> [round(end, 3) for end in difference_of_wins(4, 0, 200)]
    [-0.002, 0.041]
    >>> [round(0.5 + end / 2, 3) for end in difference_of_wins(13, 0, 13)]  # Wilson's of 13 of 13
    [0.772, 1.0]
    """
    tied = (n - won - lost) / 2
    return _interval(tied, lost, won, tied, at_most=4 * tied / n - 1)


def _paired(both: int, broken: int, fixed: int, neither: int) -> PairedDifference:
    n = both + broken + fixed + neither
    interval = _interval(both, broken, fixed, neither)
    return PairedDifference(n, fixed, broken, (fixed - broken) / n, interval)


def _interval(
    both: float, broken: float, fixed: float, neither: float, at_most: float = 1.0
) -> Interval:
    n = both + broken + fixed + neither
    now, was = (both + fixed) / n, (both + broken) / n
    low_now, high_now = wilson(both + fixed, n)
    low_was, high_was = wilson(both + broken, n)
    phi = min(_correlation(both, broken, fixed, neither), at_most)
    value = (fixed - broken) / n
    below = _joined(now - low_now, high_was - was, phi)
    above = _joined(high_now - now, was - low_was, phi)
    return Interval(max(-1.0, value - below), min(1.0, value + above))


def difference_of_rates(k: int, n: int, k_other: int, n_other: int) -> tuple[float, Interval]:
    """Returns k/n minus k_other/n_other with Newcombe's interval for independent rates.

    On the same problems it is wider than the paired one where answers agree, as they mostly do
    (the same paper's companion, Stat. Med. 17, 873-890, method 10).

    >>> value, (low, high) = difference_of_rates(56, 70, 48, 80)
    >>> round(value, 4), round(low, 4), round(high, 4)
    (0.2, 0.0524, 0.3339)
    """
    one, other = k / n, k_other / n_other
    low_one, high_one = wilson(k, n)
    low_other, high_other = wilson(k_other, n_other)
    below = _joined(one - low_one, high_other - other, 0.0)
    above = _joined(high_one - one, other - low_other, 0.0)
    return one - other, Interval(one - other - below, one - other + above)


def _joined(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def _correlation(both: float, broken: float, fixed: float, neither: float) -> float:
    """Returns φ of the table of four counts, corrected for continuity where it is positive."""
    n = both + broken + fixed + neither
    sides = (both + broken) * (fixed + neither) * (both + fixed) * (broken + neither)
    if sides == 0:
        return 0.0
    cross = both * neither - broken * fixed
    return float((max(cross - n / 2, 0) if cross > 0 else cross) / sqrt(sides))
