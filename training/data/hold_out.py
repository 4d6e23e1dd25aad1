"""Which examples are only looked at: the same prompts in every job, however the data grow."""

import hashlib
from collections.abc import Sequence
from typing import Protocol, TypeVar

from training.data.tokens import Tokens

FEWEST = 20
"""A smaller held-out part says nothing (the accuracy on twenty pairs is known to ± 11 points), so
it is learnt from as well."""


class OfOnePrompt(Protocol):
    """An example that holds everything that is learnt of its prompt."""

    @property
    def prompt(self) -> Tokens: ...

    @property
    def size(self) -> int: ...


E = TypeVar("E", bound=OfOnePrompt)


def hold_out(examples: Sequence[E], share: float) -> tuple[list[E], list[E]]:
    """Split into those to learn from and those held out, by a hash of the prompt.

    An example holds all pairs of its prompt, so no answer of a held-out prompt is learnt from.
    """
    n_units = sum(example.size for example in examples)
    if n_units * share < FEWEST:
        return list(examples), []
    held = [example for example in examples if _lot(example) < share]
    kept = [example for example in examples if _lot(example) >= share]
    return (kept, held) if kept else (list(examples), [])


def _lot(example: OfOnePrompt) -> float:
    """A number in [0, 1) that belongs to the prompt."""
    digest = hashlib.sha256(" ".join(map(str, example.prompt.token_ids)).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
