"""Win rates between versions: people's, from votes, and a judge's, from evaluations."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from db.labelling.version_votes import Games
from db.models import JudgedWinRate

MIN_PROMPTS = 10
"""Fewer prompts than this are not enough data for people's win rate."""
_N_RESAMPLES = 1000

Pair = tuple[int | None, int | None]
"""Two versions by their ids; None is the base model."""


@dataclass(frozen=True, slots=True)
class VersionWinRate:
    """How often the first version's responses were preferred to the other's."""

    who: str
    """`people`, or the judge's name."""
    n: int
    """Comparisons."""
    value: float
    low: float
    """Bootstrap over prompts, 95 %."""
    high: float


def peoples(games: Sequence[Games], wanted: Collection[Pair]) -> dict[Pair, VersionWinRate]:
    """Returns people's win rate of these versions, where there are votes on enough prompts."""
    by_pair: dict[Pair, dict[int, tuple[float, int]]] = defaultdict(dict)
    for one in games:
        for pair, wins in (
            ((one.left_id, one.right_id), one.wins),
            ((one.right_id, one.left_id), one.n - one.wins),
        ):
            if pair not in wanted:
                continue
            before, n = by_pair[pair].get(one.prompt_id, (0.0, 0))
            by_pair[pair][one.prompt_id] = (before + wins, n + one.n)
    return {
        pair: _rate(list(prompts.values()))
        for pair, prompts in by_pair.items()
        if len(prompts) >= MIN_PROMPTS
    }


def judges(rows: Sequence[JudgedWinRate]) -> dict[Pair, VersionWinRate]:
    """Returns the judge's win rate of every two versions it compared, both ways."""
    found: dict[Pair, VersionWinRate] = {}
    for row in rows:
        one = VersionWinRate(row.judge, row.n, row.value, row.low, row.high)
        other = VersionWinRate(row.judge, row.n, 1 - row.value, 1 - row.high, 1 - row.low)
        found[row.adapter_id, row.against_id] = one
        found[row.against_id, row.adapter_id] = other
    return found


def _rate(prompts: Sequence[tuple[float, int]]) -> VersionWinRate:
    """Returns the share of wins, with the interval of drawing whole prompts anew.

    The same as `ptrapp.analysis.bootstrap.clustered_interval` of the mean: how often each kind of
    prompt, by its wins and votes, is drawn is multinomial.
    """
    kinds, counts = np.unique(np.array(prompts), axis=0, return_counts=True)  # (K, 2), (K,)
    chances = counts / len(prompts)
    drawn = np.random.default_rng(0).multinomial(len(prompts), chances, size=_N_RESAMPLES)  # (R, K)
    sums = drawn @ kinds  # (R, 2): wins, votes
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    wins, n = counts @ kinds
    return VersionWinRate("people", int(n), float(wins / n), float(low), float(high))
