"""K scored candidates of one prompt to the pair that preference training learns from."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Scored:
    """What pairing may know of a candidate: its score and the size of its response."""

    score: float
    response_length: int
    """In characters or tokens, of the response alone: a long thought costs nothing."""
    well_formed: bool = True


class Pair(NamedTuple):
    """Places of the two among the candidates."""

    chosen: int
    rejected: int


def best_and_worst(scored: Sequence[Scored], *, rho: float = 0.0, seed: int = 0) -> Pair | None:
    """Choose the best and the worst candidate under TPO's length control (arXiv 2410.10630, 2.4).

    A malformed candidate is never chosen, but may be rejected. Equals are drawn by `seed`. There
    is no pair where the best is not better than the worst.
    """
    adjusted = length_controlled(scored, rho)
    order = list(range(len(scored)))
    random.Random(seed).shuffle(order)
    good = [place for place in order if scored[place].well_formed]
    if not good:
        return None
    chosen = max(good, key=adjusted.__getitem__)
    rejected = min(order, key=adjusted.__getitem__)
    return Pair(chosen, rejected) if adjusted[chosen] > adjusted[rejected] else None


def length_controlled(scored: Sequence[Scored], rho: float) -> list[float]:
    """s_k = z(score_k) − ρ·z(response length_k), z over the candidates of one prompt."""
    scores = _z([candidate.score for candidate in scored])
    lengths = _z([float(candidate.response_length) for candidate in scored])
    return [score - rho * length for score, length in zip(scores, lengths, strict=True)]


def _z(values: Sequence[float]) -> list[float]:
    """Deviations in units of the population's; all 0 where the values are equal."""
    if not values or max(values) == min(values):
        return [0.0] * len(values)
    mean, deviation = fmean(values), pstdev(values)
    return [(value - mean) / deviation for value in values]
