"""The scale of how much better a preferred response is: its words and its bounds, for everybody."""

from collections.abc import Mapping

from ptrapp.core.errors import InputError

STRENGTHS: Mapping[int, str] = {1: "better", 2: "much better", 3: "very much better"}
"""Strengths of a preference in words. Pages offer the first two."""
IN_WORDS = ", ".join(f"{strength} {words}" for strength, words in STRENGTHS.items())


def check_strength(strength: int) -> None:
    """Raises `InputError` for a number that is not on the scale."""
    if strength not in STRENGTHS:
        raise InputError(f"Strength is {strength}; choose {min(STRENGTHS)} to {max(STRENGTHS)}.")
