"""Follows a campaign over time: whether its raters agree, know and press as they did before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ptrapp.analysis.estimates import Estimate, rate
from ptrapp.analysis.labels import Label, by_comparison, independent
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


def drift(labels: Sequence[Label]) -> list[DriftPart]:
    """Returns up to ten equal parts, oldest first; empty below two parts of twenty labels.

    >>> drift([])
    []
    """
    n_parts = min(_MOST_PARTS, len(labels) // _LEAST_IN_PART)
    if n_parts < 2:
        return []
    said = {
        comparison: Counter(each.outcome for each in group)
        for comparison, group in by_comparison(independent(labels)).items()
    }
    edges = [round(len(labels) * at / n_parts) for at in range(n_parts + 1)]
    return [
        _part(labels[edges[at] : edges[at + 1]], edges[at], said) for at in range(len(edges) - 1)
    ]


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


def _part(labels: Sequence[Label], before: int, said: dict[int, Counter[Choice]]) -> DriftPart:
    same = [
        found
        for each in independent(labels)
        if (found := with_others(each, said[each.comparison])) is not None
    ]
    known = [each for each in labels if each.gold and not (each.repeat or each.doubted)]
    drawn = [each for each in labels if each.flipped is not None and each.decided]
    n_left = sum((each.outcome is Choice.LEFT) is not each.flipped for each in drawn)
    n_right = sum(each.outcome is each.gold for each in known)
    return DriftPart(
        before + 1,
        before + len(labels),
        rate(sum(same), len(same), NEEDED, "labels on what others labelled too"),
        rate(n_right, len(known), NEEDED, "answers to gold comparisons"),
        rate(n_left, len(drawn), NEEDED, "votes that prefer a side"),
    )
