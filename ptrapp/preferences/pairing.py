"""K scored candidates of one prompt to the pair that preference training learns from."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import NamedTuple

MOST_RHO = 0.5
RHO_STEP = 0.05
MOST_MALFORMED = 0.1
"""Largest share of pairs whose rejected side is malformed: more would teach form alone."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What pairing may know of a candidate: its score and the size of its response."""

    score: float
    response_length: int
    """In characters or tokens, of the response alone: a long thought costs nothing."""
    well_formed: bool = True


class ChosenRejected(NamedTuple):
    """Places of the two among the candidates."""

    chosen: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of many prompts, None for a prompt without one, and what it took."""

    pairs: tuple[ChosenRejected | None, ...]
    rho: float
    """Length control in force."""
    mean_chosen_length: float
    mean_rejected_length: float
    n_malformed: int
    """Pairs whose rejected side is malformed."""


def pair_up(
    prompts: Sequence[Sequence[Scored]],
    *,
    rho: float | None = None,
    seed: int = 0,
    most_malformed: float = MOST_MALFORMED,
) -> Pairing:
    """Best against worst of every prompt's candidates.

    With `rho` None it is raised from 0 until chosen responses are no longer than rejected ones on
    average, to at most 0.5: without it responses grow from iteration to iteration (arXiv
    2410.10630, section 2.4). Malformed candidates are rejected in at most that share of the pairs
    (`most_malformed`, below 1); beyond it the worst well-formed one stands in.
    """
    if rho is not None:
        return _at(prompts, rho, seed, most_malformed)
    n_steps = round(MOST_RHO / RHO_STEP)
    for step in range(n_steps + 1):
        found = _at(prompts, step * RHO_STEP, seed, most_malformed)
        if found.mean_chosen_length <= found.mean_rejected_length:
            break
    return found


def best_and_worst(
    scored: Sequence[Scored], *, rho: float = 0.0, seed: int = 0
) -> ChosenRejected | None:
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
    return ChosenRejected(chosen, rejected) if adjusted[chosen] > adjusted[rejected] else None


def length_controlled(scored: Sequence[Scored], rho: float) -> list[float]:
    """s_k = z(score_k) − ρ·z(response length_k), z over the candidates of one prompt."""
    scores = _z([candidate.score for candidate in scored])
    lengths = _z([float(candidate.response_length) for candidate in scored])
    return [score - rho * length for score, length in zip(scores, lengths, strict=True)]


def _at(
    prompts: Sequence[Sequence[Scored]], rho: float, seed: int, most_malformed: float
) -> Pairing:
    pairs = [best_and_worst(group, rho=rho, seed=seed + n) for n, group in enumerate(prompts)]
    malformed = [
        n for n, pair in enumerate(pairs) if pair and not prompts[n][pair.rejected].well_formed
    ]
    n_sound = sum(pair is not None for pair in pairs) - len(malformed)
    allowed = int(n_sound * most_malformed / (1 - most_malformed))
    random.Random(seed).shuffle(malformed)
    for n in malformed[allowed:]:
        good = [place for place, each in enumerate(prompts[n]) if each.well_formed]
        pair = best_and_worst([prompts[n][place] for place in good], rho=rho, seed=seed + n)
        pairs[n] = ChosenRejected(good[pair.chosen], good[pair.rejected]) if pair else None
    sides = [
        (prompts[n][pair.chosen], prompts[n][pair.rejected]) for n, pair in enumerate(pairs) if pair
    ]
    return Pairing(
        tuple(pairs),
        rho,
        fmean(chosen.response_length for chosen, _ in sides) if sides else 0.0,
        fmean(rejected.response_length for _, rejected in sides) if sides else 0.0,
        sum(not rejected.well_formed for _, rejected in sides),
    )


def _z(values: Sequence[float]) -> list[float]:
    """Deviations in units of the population's; all 0 where the values are equal."""
    if not values or max(values) == min(values):
        return [0.0] * len(values)
    mean, deviation = fmean(values), pstdev(values)
    return [(value - mean) / deviation for value in values]
