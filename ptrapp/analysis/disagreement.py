"""Finds the comparisons on which raters disagree, the largest disagreement first."""

from collections.abc import Iterable, Sequence

from ptrapp.analysis.agreement import scale_value
from ptrapp.analysis.labels import Label, by_comparison, independent


def disagreements(labels: Iterable[Label]) -> list[list[Label]]:
    """Returns the labels of each comparison on which not all raters gave the same answer.

    The strength does not count as a difference. The comparisons are ordered by the range of their
    labels on the scale, then by the number of labels.
    """
    disputed = [
        group
        for group in by_comparison(independent(labels)).values()
        if len({label.outcome for label in group}) > 1
    ]
    return sorted(disputed, key=lambda group: (-_range(group), -len(group), group[0].comparison))


def _range(group: Sequence[Label]) -> int:
    """Returns the range of labels on the scale, 0 to 6; "both bad" has no value on it."""
    values = [value for label in group if (value := scale_value(label)) is not None]
    return max(values) - min(values) if values else 0
