"""Follows a campaign over time: whether its raters agree, know and press as they did before."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ptrapp.analysis.columns import CHOICES, LEFT, MISSING, LabelColumns, columns_of, grouped
from ptrapp.analysis.estimates import Estimate, rate
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

NEEDED = 10
"""Observations of one part, for a measure of it."""
_LEAST_IN_PART = 20
_MOST_PARTS = 10


@dataclass(frozen=True, slots=True)
class DriftPart:
    """A part of the labels, in the order in which they were given."""

    first: int
    """Number of its first label, from 1."""
    last: int
    agreement: Estimate
    """Share of labels that say what most of the other raters said of the comparison."""
    gold: Estimate
    left: Estimate
    """Share of what was shown on the left, in the votes that prefer a side."""


def drift(labels: Iterable[Label] | LabelColumns) -> list[DriftPart]:
    """Returns up to ten equal parts, oldest first; empty below two parts of twenty labels.

    >>> drift([])
    []
    """
    every = columns_of(labels)
    n_parts = min(_MOST_PARTS, len(every) // _LEAST_IN_PART)
    if n_parts < 2:
        return []
    said = _with_others(every)
    edges = [round(len(every) * at / n_parts) for at in range(n_parts + 1)]
    return [_part(every, said, *some) for some in pairwise(edges)]


def with_others(label: Label, said: Counter[Choice]) -> bool | None:
    """Returns whether a label says what most of the others said of its comparison.

    None where there are no others, or as many of them say two things.

    >>> label = Label("Ada", 1, Choice.LEFT)
    >>> with_others(label, Counter({Choice.LEFT: 2, Choice.TIE: 1})) is None
    True
    >>> with_others(label, Counter({Choice.LEFT: 3, Choice.TIE: 1}))
    True
    """
    others = said - Counter([label.outcome])
    most = others.most_common(2)
    if not most or (len(most) > 1 and most[0][1] == most[1][1]):
        return None
    return label.outcome is most[0][0]


def _with_others(labels: LabelColumns) -> np.ndarray:
    """Returns what `with_others` says of each label: 1, 0, or −1 for None and for what is no label
    of its own, such as a repeat."""
    found = np.full(len(labels), MISSING)
    own = np.flatnonzero(labels.is_independent)
    outcome, place = labels.outcome[own], grouped(labels.comparison[own])[1]
    n_places = int(place.max(initial=-1)) + 1
    cells = np.bincount(place * len(CHOICES) + outcome, minlength=n_places * len(CHOICES))
    others = cells.reshape(-1, len(CHOICES))[place]  # (n, 4): a copy for each label
    others[np.arange(len(own)), outcome] -= 1
    most = others.max(axis=1, initial=0)
    clear = (most > 0) & ((others == most[:, None]).sum(axis=1) == 1)
    found[own[clear]] = others[clear].argmax(axis=1) == outcome[clear]
    return found


def _part(every: LabelColumns, said: np.ndarray, first: int, last: int) -> DriftPart:
    part = np.arange(first, last)
    labels, same = every.where(part), said[part]
    same = same[same != MISSING]
    known = labels.where((labels.gold != MISSING) & (labels.repeat == 0) & ~labels.doubted)
    drawn = labels.where((labels.flipped != MISSING) & labels.decided)
    n_left = int(((drawn.outcome == LEFT) != (drawn.flipped == 1)).sum())
    n_right = int((known.outcome == known.gold).sum())
    return DriftPart(
        first + 1,
        last,
        rate(int(same.sum()), len(same), NEEDED, "labels on what others labelled too"),
        rate(n_right, len(known), NEEDED, "answers to gold comparisons"),
        rate(n_left, len(drawn), NEEDED, "votes that prefer a side"),
    )
