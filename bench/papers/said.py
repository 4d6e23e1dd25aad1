"""Draws problems by seed, and shows what was answered before and after."""

from random import Random
from typing import Any

from bench.papers.measured import Column, Lines

N_SHOWN = 10


def said(arm: str, lines: Lines, seed: int = 0) -> list[dict[str, Any]]:
    """Returns ten problems of an arm with the first and the last column's answers.

    Nobody chose them: they are drawn from the first line's problems, right ones and wrong ones.
    """
    line = next(iter(lines), None) if arm in ("thought", "direct") else _tuned(lines)
    if line is None:
        return []
    columns = list(lines[line])
    before, after = (_by_problem(lines[line][column]) for column in (columns[0], columns[-1]))
    shared = sorted(set(before) & set(after))
    drawn = Random(f"{arm}/{seed}").sample(shared, min(N_SHOWN, len(shared)))
    return [
        {
            "problem": key[1],
            "before": before[key].response,
            "before_right": before[key].correct,
            "after": after[key].response,
            "after_right": after[key].correct,
        }
        for key in drawn
    ]


def _tuned(lines: Lines) -> str | None:
    return next((line for line in lines if line.endswith(": tuned")), None)


def _by_problem(points: Column) -> dict[tuple[int, str], Any]:
    return {(one.seed, one.problem): one for one in points}
