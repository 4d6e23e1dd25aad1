"""Splits off the examples to evaluate on: the same prompts in every job, however the data grow."""

import hashlib
from collections.abc import Sequence
from typing import Protocol, TypeVar

from training.data.tokens import Tokens

MIN_HELD_OUT = 20
"""Fewest held-out examples: the accuracy on twenty pairs has a standard error of 11 points. Below
that nothing is held out."""


class PromptExample(Protocol):
    """An example that holds everything there is to learn about its prompt."""

    @property
    def prompt(self) -> Tokens: ...

    @property
    def size(self) -> int: ...


E = TypeVar("E", bound=PromptExample)


def hold_out(examples: Sequence[E], share: float) -> tuple[list[E], list[E]]:
    """Splits examples into those to learn from and those held out, by a hash of the prompt.

    An example holds all pairs of its prompt, so no answer of a held-out prompt is learnt from.
    """
    n_units = sum(example.size for example in examples)
    if n_units * share < MIN_HELD_OUT:
        return list(examples), []
    held = [example for example in examples if _hash_fraction(example) < share]
    learnt = [example for example in examples if _hash_fraction(example) >= share]
    return (learnt, held) if learnt else (list(examples), [])


def _hash_fraction(example: PromptExample) -> float:
    """Returns a number in [0, 1) that depends on the prompt alone."""
    digest = hashlib.sha256(" ".join(map(str, example.prompt.token_ids)).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
