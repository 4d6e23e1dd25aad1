"""Chooses from K scored candidates of a prompt the pair that preference training learns from."""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import NamedTuple

MAX_RHO = 0.5
RHO_STEP = 0.05
SHORTEST_CHOSEN = 0.95
"""Least mean length of chosen responses over that of rejected ones, under the automatic control."""
MAX_MALFORMED = 0.1
"""Largest share of pairs whose rejected side is malformed; more would teach little but form."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Score and response length of a candidate."""

    score: float
    response_length: int
    """In characters or tokens, of the response without its thought."""
    well_formed: bool = True


class ChosenRejected(NamedTuple):
    """Indices of the two candidates."""

    chosen: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of many prompts, None for a prompt without one, and their statistics."""

    pairs: tuple[ChosenRejected | None, ...]
    rho: float
    """Strength of the length control that was used; below 0 longer responses are preferred."""
    mean_chosen_length: float
    mean_rejected_length: float
    n_malformed: int
    """Pairs whose rejected side is malformed."""


def pair_up(
    prompts: Sequence[Sequence[Scored]],
    *,
    rho: float | None = None,
    seed: int = 0,
    most_malformed: float = MAX_MALFORMED,
) -> Pairing:
    """Pairs the best with the worst candidate of every prompt.

    With `rho` None it is raised from 0 until chosen responses are no longer than rejected ones on
    average, to at most 0.5: without it responses grow from iteration to iteration (arXiv
    2410.10630, section 2.4). Ours: where chosen ones are shorter by more than a twentieth it is
    lowered below 0 until they are not, since under a judge that is pleased by little they shrink.
    A step that ends more than twice as far from equal lengths, on the other side, is not made:
    under a judge of few distinct scores the least control takes the shortest of all equals.
    The rejected candidate is malformed in at most the share
    `most_malformed` (below 1) of the pairs; beyond it the worst well-formed one is rejected.
    """
    if rho is not None:
        return _at(prompts, rho, seed, most_malformed)
    found = _at(prompts, 0.0, seed, most_malformed)
    direction = _too_long(found) - _too_short(found)
    for step in range(1, round(MAX_RHO / RHO_STEP) + 1):
        if not (_too_long(found) if direction > 0 else _too_short(found)):
            break
        following = _at(prompts, direction * step * RHO_STEP, seed, most_malformed)
        passed = _too_short(following) if direction > 0 else _too_long(following)
        if passed and _imbalance(following) > 2 * _imbalance(found):
            break
        found = following
    return found


def _imbalance(found: Pairing) -> float:
    """Returns the distance from equal mean lengths, as an absolute log-ratio."""
    if not found.mean_chosen_length or not found.mean_rejected_length:
        return 0.0
    return abs(math.log(found.mean_chosen_length / found.mean_rejected_length))


def _too_long(found: Pairing) -> bool:
    return found.mean_chosen_length > found.mean_rejected_length


def _too_short(found: Pairing) -> bool:
    return found.mean_chosen_length < SHORTEST_CHOSEN * found.mean_rejected_length


def best_and_worst(
    scored: Sequence[Scored], *, rho: float = 0.0, seed: int = 0
) -> ChosenRejected | None:
    """Chooses the best and the worst candidate under TPO's length control (arXiv 2410.10630, 2.4).

    A malformed candidate is never chosen, but may be rejected. Of equal candidates the two nearest
    in length are taken, and of those equally near one is drawn by `seed`. Returns None where the
    judge does not score the chosen one above the rejected one: length decides between candidates
    that differ, and never makes a preference by itself.
    """
    adjusted = length_controlled(scored, rho)
    order = list(range(len(scored)))
    random.Random(seed).shuffle(order)
    good = [index for index in order if scored[index].well_formed]
    if not good:
        return None
    best, worst = max(adjusted[index] for index in good), min(adjusted)
    equals = itertools.product(
        [index for index in good if adjusted[index] == best],
        [index for index in order if adjusted[index] == worst],
    )
    chosen, rejected = min(equals, key=lambda pair: _apart(scored[pair[0]], scored[pair[1]]))
    better = scored[chosen].score > scored[rejected].score
    return ChosenRejected(chosen, rejected) if better else None


def _apart(one: Scored, other: Scored) -> int:
    return abs(one.response_length - other.response_length)


def length_controlled(scored: Sequence[Scored], rho: float) -> list[float]:
    """Returns s_k = z(score_k) − ρ·z(response length_k), z over the candidates of one prompt."""
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
        good = [index for index, each in enumerate(prompts[n]) if each.well_formed]
        pair = best_and_worst([prompts[n][index] for index in good], rho=rho, seed=seed + n)
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
    """Returns the values standardised over the population; all 0 where they are equal."""
    if not values or max(values) == min(values):
        return [0.0] * len(values)
    mean, deviation = fmean(values), pstdev(values)
    return [(value - mean) / deviation for value in values]
