"""The scale of how much better a preferred response is: its words and its bounds, for everybody."""

from collections.abc import Mapping

from ptrapp.core.errors import InputError
from ptrapp.core.types import Choice

STRENGTHS: Mapping[int, str] = {1: "better", 2: "much better", 3: "very much better"}
"""Strengths of a preference in words. Pages offer the first two."""
IN_WORDS = ", ".join(f"{strength} {words}" for strength, words in STRENGTHS.items())


def check_strength(strength: int, choice: Choice) -> None:
    """Raises `InputError` for a number that is not on the scale, or where no side is better."""
    if strength != 1 and choice not in (Choice.LEFT, Choice.RIGHT):
        raise InputError(f"Strength {strength} is of a side that is better; leave it out here.")
    if strength not in STRENGTHS:
        raise InputError(f"Strength is {strength}; choose {min(STRENGTHS)} to {max(STRENGTHS)}.")
