"""Generates problems of families, one by one or as a reproducible list of one split."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import Literal

from ptrapp.tasks import drafts
from ptrapp.tasks.problem import Problem

GENERATED = "generated"
"""Names problems of the families that methods train on."""

FAMILIES: dict[str, Callable[[int, Random], drafts.Draft]] = {
    "story": drafts.story,
    "cost": drafts.cost,
    "total": drafts.total,
    "median": drafts.median,
    "range": drafts.value_range,
    "unit_price": drafts.unit_price,
    "clock": drafts.clock,
    "change": drafts.change,
    "boxes": drafts.boxes,
    "ages": drafts.ages,
    "purse": drafts.purse,
    "shelves": drafts.shelves,
}
HELD_OUT: frozenset[str] = frozenset({"purse", "shelves"})
"""Families that no method trains on: they measure transfer to problems of a new kind.

The bundled model was pretrained on them, asked once and asked again, like on the others.
"""

LEVELS = (1, 2, 3)
Split = Literal["train", "eval"]

_EVAL_SHARE = 10
"""One prompt in ten is for evaluation."""


def generate(family: str, level: int, rng: Random) -> Problem:
    """Draws one problem of a family at a level; `rng` alone decides which."""
    text, steps, answer = FAMILIES[family](level, rng)
    return Problem(text, str(answer), family, level, tuple(steps))


def split_of(text: str) -> Split:
    """Returns the split of a prompt, which depends on its content alone."""
    digest = sha256(text.encode()).digest()
    return "eval" if int.from_bytes(digest[:8], "big") % _EVAL_SHARE == 0 else "train"


def problems(
    n: int, *, split: Split, seed: int, families: Sequence[str] | None = None
) -> list[Problem]:
    """Draws `n` different problems of a split, families and levels in even shares.

    The same arguments always give the same list. `families` defaults to all, the held-out ones
    included. Raises ValueError for an unknown family.
    """
    chosen = tuple(FAMILIES if families is None else families)
    unknown = [family for family in chosen if family not in FAMILIES]
    if unknown or not chosen:
        raise ValueError(f"unknown families {unknown}: choose from {', '.join(FAMILIES)}")
    rng = Random(f"problems/{split}/{seed}")
    kinds = [(family, level) for level in LEVELS for family in chosen]
    found: dict[str, Problem] = {}
    while len(found) < n:
        if len(found) % len(kinds) == 0:
            rng.shuffle(kinds)
        problem = generate(*kinds[len(found) % len(kinds)], rng)
        if split_of(problem.text) == split:
            found.setdefault(problem.text, problem)
    return list(found.values())
