"""Says which generated questions fit a model."""

from ptrapp.core.thoughts import TINY, ThoughtFormat
from ptrapp.tasks.families import GENERATED
from ptrapp.tasks.instructions import INSTRUCTIONS

AUTO = "auto"
"""Names the questions that fit the base model."""


def knows_sums_only(fmt: ThoughtFormat) -> bool:
    """Returns whether a model is the bundled one, or one grown from it, by its thought format."""
    return fmt == TINY


def source(*, sums: bool) -> str:
    """Returns the source of sums, or that of requests with constraints."""
    return GENERATED if sums else INSTRUCTIONS


def fitting(fmt: ThoughtFormat) -> str:
    """Returns the source whose questions fit a model with this thought format.

    >>> fitting(TINY)
    'generated'
    """
    return source(sums=knows_sums_only(fmt))
