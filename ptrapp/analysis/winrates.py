"""Computes how often one version's responses are preferred to another's, plain and at equal
length."""

from collections.abc import Sequence
from math import exp, sqrt
from typing import NamedTuple

import numpy as np

from ptrapp.analysis.bootstrap import clustered_interval
from ptrapp.analysis.intervals import Interval
from ptrapp.analysis.paired import difference_of_wins

RIDGE = 0.1
"""Pulls both coefficients to 0, as much as one game in ten: without it a version that never loses
would have an infinite coefficient."""
_CLOSE = 1e-9
_MAX_STEPS = 100


class Game(NamedTuple):
    """One comparison of two responses to the same prompt."""

    prompt: str
    win: float
    """1 where the first was preferred, 0 where the second was, ½ where neither."""
    length_difference: float
    """Length of the first response minus that of the second, in characters or tokens."""


class WinRate(NamedTuple):
    """Shares between 0 and 1; ½ is no difference."""

    n: int
    plain: float
    plain_interval: Interval
    length_controlled: float
    length_controlled_interval: Interval


def win_rate(games: Sequence[Game], *, n_resamples: int = 500, seed: int = 0) -> WinRate | None:
    """Returns the first side's win rate with intervals over prompts; None without a game."""
    if not games:
        return None
    prompts = [game.prompt for game in games]
    plain, controlled = (
        clustered_interval(games, prompts, statistic, n_resamples=n_resamples, seed=seed)
        for statistic in (plain_win_rate, length_controlled_win_rate)
    )
    value, at_length = plain_win_rate(games), length_controlled_win_rate(games)
    wins: dict[str, list[float]] = {}
    for game in games:
        wins.setdefault(game.prompt, []).append(game.win)
    plain = as_wide_as_paired(plain, [sum(each) / len(each) for each in wins.values()])
    if len({game.win for game in games}) == 1:  # lengths alone differ from resample to resample
        low, high = plain
        controlled = Interval(min(low, controlled.low), max(high, controlled.high))
    return WinRate(len(games), value, plain, at_length, controlled)


def as_wide_as_paired(resampled: Interval, shares: Sequence[float]) -> Interval:
    """Returns the interval of resampling, not narrower than Newcombe's of wins and losses.

    `shares` are the wins of each prompt. Where four of 200 prompts were won, the others tied and
    none lost, no resample has a loss: it would say that the win is certain. With two won and eight
    lost most resamples still lose. By Newcombe's a gate decides on the same answers, and one row
    of a table must not say both.
    """
    won = sum(max(0.0, 2 * share - 1) for share in shares)
    lost = sum(max(0.0, 1 - 2 * share) for share in shares)
    low, high = difference_of_wins(won, lost, len(shares))
    return Interval(min(resampled.low, 0.5 + low / 2), max(resampled.high, 0.5 + high / 2))


def plain_win_rate(games: Sequence[Game]) -> float:
    """Returns the mean of the wins, a tie counting one half."""
    return sum(game.win for game in games) / len(games)


def length_controlled_win_rate(games: Sequence[Game], ridge: float = RIDGE) -> float:
    """Returns the win rate predicted for responses of the same length.

    Based on AlpacaEval 2's length control (arXiv 2404.04475, equation 1): the logistic regression
    win ~ σ(θ + φ·tanh(d/s)),  d the length difference and s its standard deviation; the result is
    σ(θ), the prediction at d = 0. Changed here: no term for the difficulty of an instruction, which
    needs the verdicts of many versions; and a ridge on θ and φ.
    """
    wins = np.array([game.win for game in games])  # (N,)
    lengths = np.array([game.length_difference for game in games])  # (N,)
    scale = sqrt(float(np.mean((lengths - lengths.mean()) ** 2))) or 1.0
    features = np.stack([np.ones_like(wins), np.tanh(lengths / scale)], axis=1)  # (N, 2)
    theta, _ = _logistic(features, wins, ridge)
    return 1 / (1 + exp(-theta))


def _logistic(features: np.ndarray, wins: np.ndarray, ridge: float) -> tuple[float, float]:
    """Maximises  Σ w·log σ + (1 − w)·log(1 − σ) − ½·ridge·‖b‖²  by Newton's method.

    A step is at most 1 long: far from the maximum a full one could overshoot for ever.
    """
    coefficients = np.zeros(2)
    for _ in range(_MAX_STEPS):
        expected = 1 / (1 + np.exp(-features @ coefficients))  # (N,)
        slope = features.T @ (wins - expected) - ridge * coefficients  # (2,)
        weights = expected * (1 - expected)
        curve = features.T @ (features * weights[:, None]) + ridge * np.eye(2)  # (2, 2)
        step = np.linalg.solve(curve, slope)
        step /= max(1.0, float(np.abs(step).max()))
        coefficients += step
        if np.abs(step).max() < _CLOSE:
            break
    return float(coefficients[0]), float(coefficients[1])
