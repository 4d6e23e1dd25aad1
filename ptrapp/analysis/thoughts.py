"""Counts who ended the thoughts of completions."""

from collections.abc import Iterable
from statistics import fmean

from ptrapp.core.types import ThoughtEnd


def ended_itself_share(ends: Iterable[str | None]) -> float | None:
    """Returns the share of thoughts that the model ended itself; None without any thought.

    >>> ended_itself_share(["model", "budget", None, "turn", "model"])
    0.5
    """
    known = [end == ThoughtEnd.MODEL for end in ends if end is not None]
    return fmean(known) if known else None
