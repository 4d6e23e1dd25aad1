"""Defines a problem with a verifiable answer and its worked solution."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One generated problem.

    `steps` is the worked solution, one sentence a step, at least two of them; the last one
    arrives at `answer`. `level` is 1 (easy) to 3 (hard).
    """

    text: str
    answer: str
    family: str
    level: int
    steps: tuple[str, ...]
