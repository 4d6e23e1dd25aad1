"""Win rates between versions: people's, from votes, and a judge's, from evaluations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from db.labelling.version_votes import BASE_ID, GameColumn
from db.models import JudgedWinRate
from ptrapp.analysis.intervals import Interval
from ptrapp.analysis.winrates import as_wide_as_paired

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
    """Votes or verdicts; a pair may have several."""
    value: float
    low: float
    """Bootstrap over prompts, 95 %; not narrower than Newcombe's interval of wins and losses."""
    high: float


def peoples(games: np.ndarray, wanted: Collection[Pair]) -> dict[Pair, VersionWinRate]:
    """Returns people's win rate of these versions, where there are votes on enough prompts.

    `games` (n, 6) has a row for each vote, its columns as in `GameColumn`.
    """
    found: dict[Pair, VersionWinRate] = {}
    sides = games[:, GameColumn.LEFT], games[:, GameColumn.RIGHT]
    for pair in wanted:
        one, other = (BASE_ID if version is None else version for version in pair)
        as_left = (sides[0] == one) & (sides[1] == other)
        as_right = (sides[0] == other) & (sides[1] == one)
        points = np.concatenate(
            [games[as_left, GameColumn.POINTS], 2 - games[as_right, GameColumn.POINTS]]
        )
        prompts = np.concatenate(
            [games[as_left, GameColumn.PROMPT], games[as_right, GameColumn.PROMPT]]
        )
        different, which = np.unique(prompts, return_inverse=True)
        if len(different) >= MIN_PROMPTS:
            wins = np.bincount(which, weights=points / 2)
            found[pair] = _rate(np.column_stack([wins, np.bincount(which)]))
    return found


def judges(rows: Sequence[JudgedWinRate]) -> dict[Pair, VersionWinRate]:
    """Returns the judge's win rate of every two versions it compared, both ways."""
    found: dict[Pair, VersionWinRate] = {}
    for row in rows:
        one = VersionWinRate(row.judge, row.n, row.value, row.low, row.high)
        other = VersionWinRate(row.judge, row.n, 1 - row.value, 1 - row.high, 1 - row.low)
        found[row.adapter_id, row.against_id] = one
        found[row.against_id, row.adapter_id] = other
    return found


def _rate(prompts: np.ndarray) -> VersionWinRate:
    """Returns the share of wins, with the interval of drawing whole prompts anew.

    `prompts` (P, 2) has wins and votes of each.

    The same as `ptrapp.analysis.bootstrap.clustered_interval` of the mean: how often each kind of
    prompt, by its wins and votes, is drawn is multinomial.
    """
    kinds, counts = np.unique(prompts, axis=0, return_counts=True)  # (K, 2), (K,)
    chances = counts / len(prompts)
    drawn = np.random.default_rng(0).multinomial(len(prompts), chances, size=_N_RESAMPLES)  # (R, K)
    sums = drawn @ kinds  # (R, 2): wins, votes
    low, high = (float(end) for end in np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975]))
    wins, n = counts @ kinds
    value = float(wins / n)
    interval = as_wide_as_paired(Interval(low, high), (prompts[:, 0] / prompts[:, 1]).tolist())
    return VersionWinRate("people", int(n), value, *interval)
