"""Holds what an experiment measured, answer by answer, and computes its tables and gains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from ptrapp.analysis.bootstrap import clustered_interval
from ptrapp.analysis.intervals import wilson
from ptrapp.evaluation.answers import CellResult


@dataclass(frozen=True, slots=True)
class Point:
    """One answer to one problem."""

    seed: int
    problem: str
    response: str
    correct: bool
    well_formed: bool
    n_thought_tokens: int

    @property
    def n_words(self) -> int:
        return len(self.response.split())


Column = Sequence[Point]
Lines = Mapping[str, Mapping[str, Column]]
"""Answers by line of a table, then by its column: a round, or a version."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A difference to be shown with its interval: `line, column` minus `over_line, over_column`."""

    line: str
    column: str
    over_line: str
    over_column: str


def points_of(cell: CellResult, index: int) -> list[Point]:
    """Returns the answers of a cell's round `index`, from 0."""
    return [
        Point(
            cell.cell.seed,
            cell.prompt_of(number),
            answer.response,
            answer.correct,
            answer.well_formed,
            answer.n_thought_tokens,
        )
        for number, answer in enumerate(cell.at(index))
    ]


def as_json(lines: Lines) -> dict[str, dict[str, list[dict[str, Any]]]]:
    return {
        line: {column: [asdict(one) for one in points] for column, points in columns.items()}
        for line, columns in lines.items()
    }


def from_json(stored: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> Lines:
    return {
        line: {column: [Point(**one) for one in points] for column, points in columns.items()}
        for line, columns in stored.items()
    }


def merged(parts: Iterable[Lines]) -> Lines:
    """Returns the answers of all seeds together."""
    found: dict[str, dict[str, list[Point]]] = {}
    for part in parts:
        for line, columns in part.items():
            for column, points in columns.items():
                found.setdefault(line, {}).setdefault(column, []).extend(points)
    return found


def row(points: Column) -> dict[str, Any]:
    """Returns the figures of one cell of a table; rates are shares, `low` and `high` Wilson's."""
    n, n_correct = len(points), sum(one.correct for one in points)
    rates = [fmean(one.correct for one in same) for same in _by_seed(points)]
    interval = wilson(n_correct, n)
    return {
        "n": n,
        "rate": n_correct / n,
        "low": interval.low,
        "high": interval.high,
        "std_over_seeds": stdev(rates) if len(rates) > 1 else None,
        "words": fmean(one.n_words for one in points),
        "thought_tokens": fmean(one.n_thought_tokens for one in points),
        "well_formed": fmean(one.well_formed for one in points),
        "empty": sum(not one.response for one in points),
    }


def gain(lines: Lines, asked: Comparison) -> dict[str, Any]:
    """Returns the difference of two shares right on the same problems, and its interval.

    The interval resamples problems; the words an answer are given as a ratio.
    """
    points = lines[asked.line][asked.column]
    before = {(one.seed, one.problem): one for one in lines[asked.over_line][asked.over_column]}
    pairs = [(one, before[one.seed, one.problem]) for one in points]

    def difference(rows: Sequence[tuple[Point, Point]]) -> float:
        return fmean(after.correct - first.correct for after, first in rows)

    interval = clustered_interval(pairs, [(one.seed, one.problem) for one in points], difference)
    words_before = sum(first.n_words for _, first in pairs)
    return {
        "gain": difference(pairs),
        "low": interval.low,
        "high": interval.high,
        "n": len(pairs),
        "words_ratio": sum(one.n_words for one in points) / words_before if words_before else None,
        **asdict(asked),
    }


def as_markdown(lines: Lines) -> str:
    """Returns a Markdown table of percent right, mean ± standard deviation over the seeds."""
    heads = list(dict.fromkeys(column for columns in lines.values() for column in columns))
    rows = [
        f"| {line} | " + " | ".join(_percent(columns.get(head, ())) for head in heads) + " |"
        for line, columns in lines.items()
    ]
    return "\n".join(["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|", *rows])


def _percent(points: Column) -> str:
    if not points:
        return ""
    found = row(points)
    spread = found["std_over_seeds"]
    words = f"{100 * found['rate']:.1f}"
    return words if spread is None else f"{words} ± {100 * spread:.1f}"


def _by_seed(points: Column) -> list[list[Point]]:
    seeds = sorted({one.seed for one in points})
    return [[one for one in points if one.seed == seed] for seed in seeds]
