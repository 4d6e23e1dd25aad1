"""Which comparisons raters disagree on, the widest apart first."""

from collections.abc import Iterable, Sequence

from ptrapp.analysis.agreement import place
from ptrapp.analysis.labels import Opinion, by_comparison, free


def disagreements(opinions: Iterable[Opinion]) -> list[list[Opinion]]:
    """The opinions of each comparison on which not all gave the same answer.

    Much better and better are the same answer. The order is that of what there is to talk about:
    first how far the opinions lie apart on the scale, then how many they are.
    """
    apart = [
        said
        for said in by_comparison(free(opinions)).values()
        if len({opinion.outcome for opinion in said}) > 1
    ]
    return sorted(apart, key=lambda said: (-_width(said), -len(said), said[0].comparison))


def _width(said: Sequence[Opinion]) -> int:
    """From 0 ("both bad" against anything has no distance) to 6."""
    places = [at for opinion in said if (at := place(opinion)) is not None]
    return max(places) - min(places) if places else 0
