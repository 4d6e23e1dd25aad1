"""Which comparisons raters disagree on, the widest apart first."""

from collections.abc import Iterable, Sequence

from ptrapp.analysis.agreement import place
from ptrapp.analysis.labels import Label, by_comparison, free


def disagreements(labels: Iterable[Label]) -> list[list[Label]]:
    """The opinions of each comparison on which not all gave the same answer.

    Much better and better are the same answer. The order is that of what there is to talk about:
    first how far the opinions lie apart on the scale, then how many they are.
    """
    apart = [
        said
        for said in by_comparison(free(labels)).values()
        if len({label.outcome for label in said}) > 1
    ]
    return sorted(apart, key=lambda said: (-_width(said), -len(said), said[0].comparison))


def _width(said: Sequence[Label]) -> int:
    """From 0 ("both bad" against anything has no distance) to 6."""
    places = [at for label in said if (at := place(label)) is not None]
    return max(places) - min(places) if places else 0
