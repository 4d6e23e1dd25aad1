"""Holds many labels as columns of numbers: two hundred thousand are measured in moments."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np

from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

CHOICES = (Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD)
"""Outcomes in the order of their numbers."""
LEFT, RIGHT, TIE, BOTH_BAD = range(4)
MISSING = -1


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """Labels in the order given; every array has one number for each, and −1 for what is missing.

    The fields are those of `Label`.
    """

    rater: np.ndarray
    """Places in `names`."""
    comparison: np.ndarray
    outcome: np.ndarray
    """Places in `CHOICES`, as in `gold`."""
    strength: np.ndarray
    flipped: np.ndarray
    repeat: np.ndarray
    gold: np.ndarray
    agreed: np.ndarray
    decided_ms: np.ndarray
    names: tuple[str, ...]
    """Of raters, in the order of the alphabet."""

    def __len__(self) -> int:
        return len(self.rater)

    @property
    def decided(self) -> np.ndarray:
        """Whether a side is preferred."""
        return self.outcome <= RIGHT

    @property
    def doubted(self) -> np.ndarray:
        """Whether a judge contradicted itself: no label, though it is stored as a tie."""
        return self.agreed == 0

    def where(self, wanted: np.ndarray) -> "LabelColumns":
        """Returns some of the labels."""
        arrays = {
            each.name: getattr(self, each.name)[wanted]
            for each in fields(self)
            if each.name != "names"
        }
        return replace(self, **arrays)

    @property
    def is_independent(self) -> np.ndarray:
        """Whether it is one of the labels on which agreement is measured, one of each rater on
        each comparison.

        Repeats are left out, as checks on a rater. So are gold comparisons, which were chosen to be
        clear: with them raters would seem to agree better than they do on the work itself.
        """
        return (self.repeat == 0) & (self.gold == MISSING) & ~self.doubted

    def independent(self) -> "LabelColumns":
        """Returns the labels on which agreement is measured."""
        return self.where(self.is_independent)

    def repeated_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns outcomes of raters' first labels of a comparison, and of the repeated ones."""
        if not len(self):
            return self.outcome, self.outcome
        keys = self.comparison.astype(np.int64) * max(len(self.names), 1) + self.rater
        first = np.flatnonzero(self.repeat == 0)
        first = first[np.argsort(keys[first], kind="stable")]
        again = np.flatnonzero(self.repeat != 0)
        at = np.searchsorted(keys[first], keys[again], side="right") - 1
        known = at >= 0
        known[known] = keys[first[at[known]]] == keys[again[known]]
        return self.outcome[first[at[known]]], self.outcome[again[known]]


def grouped(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids of groups in order, and each one's place among them; a group may be empty.

    >>> grouped(np.array([7_000_000, 5, 5]))
    (array([      5, 7000000]), array([1, 0, 0]))
    """
    n = int(ids.max(initial=-1)) + 1
    if n <= 4 * len(ids) + 1000:  # dense enough to be counted without being sorted
        return np.arange(n), ids
    found, place = np.unique(ids, return_inverse=True)
    return found, place


def columns_of(labels: "Iterable[Label] | LabelColumns") -> LabelColumns:
    """Returns labels as columns; columns are returned as they are."""
    if isinstance(labels, LabelColumns):
        return labels
    given = list(labels)
    names = tuple(sorted({each.rater for each in given}))
    places = {name: place for place, name in enumerate(names)}
    numbers: dict[Choice | None, int] = {choice: number for number, choice in enumerate(CHOICES)}
    numbers[None] = MISSING
    rows = [
        (
            places[each.rater],
            each.comparison,
            numbers[each.outcome],
            each.strength,
            _number(each.flipped),
            each.repeat,
            numbers[each.gold],
            _number(each.agreed),
            _number(each.decided_ms),
        )
        for each in given
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 9)
    columns = [each.name for each in fields(LabelColumns) if each.name != "names"]
    return LabelColumns(**dict(zip(columns, table.T, strict=True)), names=names)


def _number(value: int | None) -> int:
    return MISSING if value is None else int(value)
