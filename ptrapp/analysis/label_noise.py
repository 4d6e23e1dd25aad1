"""Estimates label noise: the flip rate ε of votes, and the label smoothing it suggests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from ptrapp.analysis.columns import LEFT, MISSING, RIGHT, LabelColumns, columns_of, grouped
from ptrapp.analysis.estimates import Estimate, too_few
from ptrapp.analysis.intervals import Interval
from ptrapp.analysis.labels import Label
from ptrapp.core.counts import counted

NEEDED = 20
"""Comparisons that inform ε: answered several times, or gold."""
MAX_SMOOTHING = 0.45
"""At one half a label would carry no information, and robust DPO divides by 1 − 2ε."""
_STEP = 1e-4
_CHI_SQUARE = 3.841
"""The 95 % point of χ² with one degree of freedom."""


@dataclass(frozen=True, slots=True)
class AgreementTally:
    """Counts of left and right votes that inform ε; ties and both bad do not."""

    groups: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """(Votes for one side, for the other), the larger first → number of such comparisons without a
    gold answer."""
    gold: tuple[int, int] = (0, 0)
    """Right and wrong votes on gold comparisons."""
    repeats: tuple[int, int] = (0, 0)
    """Repeated votes that agree with the first and that oppose it; the others hold them too."""
    pairs: tuple[int, int] = (0, 0)
    """Pairs of raters on one comparison that agree and that oppose; `groups` holds them too."""

    @property
    def n(self) -> int:
        return sum(n for votes, n in self.groups.items() if sum(votes) > 1) + sum(self.gold)


@dataclass(frozen=True, slots=True)
class FlipRate:
    epsilon: Estimate
    rests_on: str
    """The three kinds of counts in words, with the ε that each alone gives."""
    label_smoothing: float | None
    """Suggested value of DPO's setting of that name: ε, below one half."""


def from_agreement(share: float) -> float:
    """Returns ε for the share of equal votes on one comparison,  a = (1 − ε)² + ε².

    ε = (1 − √(2a − 1))/2; ½ where votes agree no more than by chance.

    >>> round(from_agreement(0.82), 3)
    0.1
    """
    return (1 - sqrt(max(0.0, 2 * share - 1))) / 2


def tally(labels: Iterable[Label] | LabelColumns) -> AgreementTally:
    """Counts labels. A repeat is one more vote on its comparison, like another rater's."""
    given = columns_of(labels)
    decided = given.where(given.decided & ~given.doubted)
    known = decided.where((decided.gold == LEFT) | (decided.gold == RIGHT))
    n_right = int((known.outcome == known.gold).sum())
    unknown = decided.where(decided.gold == MISSING)
    ids, group = grouped(unknown.comparison)
    left, right = (
        np.bincount(group[unknown.outcome == side], minlength=len(ids)) for side in (LEFT, RIGHT)
    )  # (C,)
    width = int((left + right).max(initial=0)) + 1
    sizes = np.maximum(left, right) * width + np.minimum(left, right)  # (C,)
    kinds, n = np.unique(sizes[sizes > 0], return_counts=True)
    first_left, first_right = (
        np.bincount(group[(unknown.outcome == side) & (unknown.repeat == 0)], minlength=len(ids))
        for side in (LEFT, RIGHT)
    )  # (C,)
    alike = (first_left * (first_left - 1) + first_right * (first_right - 1)) // 2
    first, again = decided.repeated_pairs()
    n_same = int((first == again).sum())
    return AgreementTally(
        {divmod(kind, width): of for kind, of in zip(kinds.tolist(), n.tolist(), strict=True)},
        (n_right, len(known) - n_right),
        (n_same, len(first) - n_same),
        (int(alike.sum()), int((first_left * first_right).sum())),
    )


def flip_rate(counts: AgreementTally) -> FlipRate:
    """Returns the maximum-likelihood ε, when each vote is flipped with probability ε independently.

    On a comparison with an unknown answer, both being equally likely, a votes for one side and b
    for the other have the likelihood  ½[(1−ε)^a ε^b + ε^a (1−ε)^b];  for two equal votes that is
    half of  (1−ε)² + ε².  A gold answer has 1−ε where right and ε where wrong. This is Dawid and
    Skene's model (1979, Appl. Stat. 28, 20-28) with one error rate for all. The interval holds
    every ε in [0, ½] whose log-likelihood is within ½·3.841 of the highest (Wilks).

    All disagreement counts as flips, differences of taste included: for a policy that learns one
    preference for all, both are noise.

    Worked by hand: 82 equal pairs of votes and 18 opposed, a = 0.82: ε = (1 − √0.64)/2 = 0.1.
    """
    rests_on = _words(counts)
    if counts.n < NEEDED:
        missing = too_few(counts.n, NEEDED, "comparisons labelled twice or with a known answer")
        return FlipRate(missing, rests_on, None)
    grid = np.arange(0, round(0.5 / _STEP) + 1) * _STEP  # (E,)
    likelihood = _log_likelihood(counts, grid)  # (E,)
    within = grid[2 * (likelihood.max() - likelihood) <= _CHI_SQUARE]
    interval = Interval(float(within[0]), float(within[-1]))
    value = round(float(grid[likelihood.argmax()]), 4)
    smoothing = round(min(value, MAX_SMOOTHING), 2)
    return FlipRate(Estimate(counts.n, value, interval), rests_on, smoothing)


def _log_likelihood(counts: AgreementTally, epsilon: np.ndarray) -> np.ndarray:
    """Returns the log-likelihood of each ε, up to a constant, (E,)."""
    right, wrong = counts.gold
    with np.errstate(divide="ignore"):
        total = _power(1 - epsilon, right) + _power(epsilon, wrong)
        for (most, least), n in counts.groups.items():
            one = _power(1 - epsilon, most) + _power(epsilon, least)
            other = _power(epsilon, most) + _power(1 - epsilon, least)
            total = total + n * np.logaddexp(one, other)
    return total


def _power(base: np.ndarray, exponent: int) -> np.ndarray:
    """Returns log(base^exponent), with 0⁰ = 1."""
    return exponent * np.log(base) if exponent else np.zeros_like(base)


def _words(counts: AgreementTally) -> str:
    """Returns the counts behind ε in words."""
    kinds = []
    for (alike, opposed), what in (
        (counts.repeats, ("repeat of raters' own votes", "repeats of raters' own votes")),
        (counts.pairs, ("pair of raters on one comparison", "pairs of raters on one comparison")),
    ):
        if n := alike + opposed:
            kinds.append(f"{counted(n, *what)} (alone: {from_agreement(alike / n):.2f})")
    right, wrong = counts.gold
    if n := right + wrong:
        kinds.append(f"{counted(n, 'gold answer')} (alone: {wrong / n:.2f})")
    return "; ".join(kinds) or "no vote that could be checked by another"
