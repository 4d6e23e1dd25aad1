"""Computes the agreement of each two raters: Cohen's κ, and the plain share beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ptrapp.analysis.columns import CHOICES, MISSING, LabelColumns, columns_of, grouped
from ptrapp.analysis.estimates import Estimate, rate, too_few
from ptrapp.analysis.intervals import Interval
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

NEEDED = 10
"""Comparisons that both raters have answered."""
_EXCHANGED = [CHOICES.index(one.mirrored()) for one in CHOICES]
"""Places of the answers once the two sides have changed places."""


@dataclass(frozen=True, slots=True)
class Kappa:
    """Two raters on the comparisons that both answered; `first` comes first in the alphabet."""

    first: str
    second: str
    kappa: Estimate
    share: Estimate
    """Share of the comparisons on which both gave the same answer."""


def kappas(labels: Iterable[Label] | LabelColumns) -> list[Kappa]:
    """Returns κ of every two raters who share a comparison, in the order of their names.

    What is expected by chance counts each comparison in both orders: which response is stored as
    the left one means nothing to raters, who see the two in an order drawn by chance. An import may
    store the chosen one first each time; two who agree on all of them would have no κ else.

    Worked by hand: (L, L) 4 times, (R, R) once, (L, TIE) 5 times. p_o = 0.5. In both orders, of 20,
    the first answered L 10 times and R 10, the second L 5, R 5 and TIE 10: p_e = 0.5·0.25 twice,
    and κ = 0.25/0.75 = 1/3.
    """
    given = columns_of(labels).independent()
    ids, group = grouped(given.comparison)
    answers = np.full((len(given.names), len(ids)), MISSING, dtype=np.int8)  # (R, C)
    answers[given.rater, group] = given.outcome
    found = []
    for one, other in combinations(range(len(given.names)), 2):
        both = (answers[one] != MISSING) & (answers[other] != MISSING)  # (C,)
        if both.any():
            table = _table(answers[one, both], answers[other, both])
            names = given.names[one], given.names[other]
            in_both_orders = table + table[np.ix_(_EXCHANGED, _EXCHANGED)]
            found.append(Kappa(*names, _kappa(table, in_both_orders), _share(table)))
    return found


def cohens_kappa(pairs: Sequence[tuple[Choice, Choice]]) -> Estimate:
    """Returns  κ = (p_o − p_e)/(1 − p_e)  over left, right, tie and both bad, without an order.

    Cohen 1960, Educ. Psychol. Meas. 20, 37-46: p_o is the share on which both gave the same answer,
    p_e the share expected by chance from how often each gives each answer. As in his standard error
    p_e is taken as known, so the interval is that of p_o, Wilson's, in terms of κ. Where nearly
    all answers are alike it would go below −1, which no κ is.

    Worked by hand: (L, L) 4 times, (R, R) 4, (L, R) 2. p_o = 0.8; the first answered L 6 times of
    10, the second 4: p_e = 0.6·0.4 + 0.4·0.6 = 0.48, and κ = 0.32/0.52 = 0.615.
    """
    numbers = np.array([[CHOICES.index(answer) for answer in pair] for pair in pairs], dtype=int)
    table = _table(*numbers.reshape(-1, 2).T)
    return _kappa(table, table)


def _kappa(table: np.ndarray, chance: np.ndarray) -> Estimate:
    """Returns κ of one table, with what is expected by chance of the margins of another."""
    share = _share(table)
    if share.value is None or share.interval is None:
        return too_few(share.n, NEEDED, "shared comparisons")
    n = int(table.sum())
    by_chance = int(chance.sum(axis=1) @ chance.sum(axis=0)) / int(chance.sum()) ** 2
    if by_chance == 1:
        return Estimate(n, missing="both always said tie, or both bad, so it is not defined")
    low, value, high = (
        max(-1.0, (observed - by_chance) / (1 - by_chance))
        for observed in (share.interval.low, share.value, share.interval.high)
    )
    return Estimate(n, value, Interval(low, high))


def _share(table: np.ndarray) -> Estimate:
    return rate(int(table.trace()), int(table.sum()), NEEDED, "shared comparisons")


def _table(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Counts how often the two answered what, (4, 4); the first rater's answers are the rows."""
    n = len(CHOICES)
    return np.bincount(first * np.int8(n) + second, minlength=n * n).reshape(n, n)
