"""Computes the agreement of each two raters: Cohen's κ, and the plain share beside it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ptrapp.analysis.estimates import Estimate, rate, too_few
from ptrapp.analysis.intervals import Interval
from ptrapp.analysis.labels import Label, by_comparison, independent
from ptrapp.core.types import Choice

NEEDED = 10
"""Comparisons that both raters have answered."""


@dataclass(frozen=True, slots=True)
class Kappa:
    """Two raters on the comparisons that both answered; `first` comes first in the alphabet."""

    first: str
    second: str
    kappa: Estimate
    share: Estimate
    """Share of the comparisons on which both gave the same answer."""


def kappas(labels: Iterable[Label]) -> list[Kappa]:
    """Returns κ of every two raters who share a comparison, in the order of their names."""
    shared: dict[tuple[str, str], list[tuple[Choice, Choice]]] = {}
    for group in by_comparison(independent(labels)).values():
        answers = {each.rater: each.outcome for each in group}
        for first, second in combinations(sorted(answers), 2):
            shared.setdefault((first, second), []).append((answers[first], answers[second]))
    return [
        Kappa(*names, cohens_kappa(pairs), _share(pairs)) for names, pairs in sorted(shared.items())
    ]


def cohens_kappa(pairs: Sequence[tuple[Choice, Choice]]) -> Estimate:
    """Returns  κ = (p_o − p_e)/(1 − p_e)  over left, right, tie and both bad, without an order.

    Cohen 1960, Educ. Psychol. Meas. 20, 37-46: p_o is the share on which both gave the same answer,
    p_e the share expected by chance from how often each gives each answer. As in his standard error
    p_e is taken as known, so the interval is that of p_o, here Wilson's, in terms of κ.

    Worked by hand: (L, L) 4 times, (R, R) 4, (L, R) 2. p_o = 0.8; the first answered L 6 times of
    10, the second 4: p_e = 0.6·0.4 + 0.4·0.6 = 0.48, and κ = 0.32/0.52 = 0.615.
    """
    share = _share(pairs)
    if share.value is None or share.interval is None:
        return too_few(share.n, NEEDED, "shared comparisons")
    n = len(pairs)
    first, second = (Counter(answers) for answers in zip(*pairs, strict=True))
    by_chance = sum(first[answer] * second[answer] for answer in first) / n**2
    if by_chance == 1:
        return Estimate(n, missing="both always gave the same answer, so it is not defined")
    low, value, high = (
        (observed - by_chance) / (1 - by_chance)
        for observed in (share.interval.low, share.value, share.interval.high)
    )
    return Estimate(n, value, Interval(low, high))


def _share(pairs: Sequence[tuple[Choice, Choice]]) -> Estimate:
    return rate(sum(a is b for a, b in pairs), len(pairs), NEEDED, "shared comparisons")
