"""Finds the comparisons on which raters disagree, the largest disagreement first."""

from collections.abc import Iterable

import numpy as np

from ptrapp.analysis.agreement import scale_counts
from ptrapp.analysis.columns import CHOICES, LabelColumns, columns_of, grouped
from ptrapp.analysis.labels import Label


def disagreements(labels: Iterable[Label] | LabelColumns) -> list[int]:
    """Returns the comparisons on which not all raters gave the same answer.

    The strength does not count as a difference. The comparisons are ordered by the range of their
    labels on the scale, 0 to 6, on which "both bad" has no value, then by the number of labels.
    """
    given = columns_of(labels).independent()
    ids, group = grouped(given.comparison)
    n, width = len(ids), len(CHOICES)
    answers = np.bincount(group * width + given.outcome, minlength=n * width).reshape(n, width)
    valued = scale_counts(given, group, n) > 0  # (C, 7)
    last = valued.shape[1] - 1 - valued[:, ::-1].argmax(axis=1)
    apart = np.where(valued.any(axis=1), last - valued.argmax(axis=1), 0)  # (C,)
    disputed = np.flatnonzero((answers > 0).sum(axis=1) > 1)
    order = np.lexsort((ids[disputed], -answers.sum(axis=1)[disputed], -apart[disputed]))
    found: list[int] = ids[disputed[order]].tolist()
    return found
