"""Computes the interval of any statistic by resampling the prompts it was computed on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ptrapp.analysis.intervals import Interval

T = TypeVar("T")


def clustered_interval(
    rows: Sequence[T],
    clusters: Sequence[object],
    statistic: Callable[[Sequence[T]], float],
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Returns the percentile interval of `statistic(rows)`, drawing clusters with replacement.

    Rows of one cluster, such as the answers to one prompt, are drawn together: drawn one by one
    they would count as independent (Cameron, Gelbach, Miller 2008, Rev. Econ. Stat. 90, 414-427).
    Raises `ValueError` where there is no row.
    """
    members: dict[object, list[T]] = {}
    for row, cluster in zip(rows, clusters, strict=True):
        members.setdefault(cluster, []).append(row)
    groups = list(members.values())
    if not groups:
        raise ValueError("there is no row to resample")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_resamples):
        drawn = rng.integers(len(groups), size=len(groups))
        found.append(statistic([row for number in drawn for row in groups[number]]))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
