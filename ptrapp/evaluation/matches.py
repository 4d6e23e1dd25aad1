"""Compares versions with each other by a judge, which reads responses only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ptrapp.analysis.winrates import Game, WinRate, win_rate
from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.evaluation.answers import Answer, CellResult
from ptrapp.evaluation.plan import BASE_NAME, Cell, Plan, Setting
from ptrapp.judges.base import Judge, Pair, compare_many
from ptrapp.tasks.datasets import Question

_WINS = {
    Choice.LEFT: 1.0,
    Choice.RIGHT: 0.0,
    Choice.TIE: 0.5,
    Choice.BOTH_BAD: 0.5,
}

_CHUNK = 32
"""Comparisons between two checks whether to stop."""


@dataclass(frozen=True, slots=True)
class Side:
    version: str
    round: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two rounds on the same problems of one seed."""

    task: str
    seed: int
    first: Side
    second: Side


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The games of a finished match, and the number of comparisons without a verdict."""

    match: Match
    judge: str
    prompts: tuple[str, ...]
    """The problems, in their order."""
    games: tuple[Game, ...]
    n_unscored: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"games": [list(game) for game in self.games]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "MatchResult":
        match = stored["match"]
        sides = Side(**match["first"]), Side(**match["second"])
        return cls(
            Match(match["task"], match["seed"], *sides),
            stored["judge"],
            tuple(stored["prompts"]),
            tuple(Game(*game) for game in stored["games"]),
            stored["n_unscored"],
        )


@dataclass(frozen=True, slots=True)
class WinRow:
    """How often the first side's responses were preferred, over all seeds."""

    task: str
    version: str
    round: int
    against: str
    against_round: int
    judge: str
    n: int
    n_unscored: int
    """Comparisons without a readable verdict, which are not counted."""
    win_rate: float | None
    """A tie counts one half; null where no comparison has a verdict, like all below."""
    low: float | None
    """Bootstrap over prompts, 95 %."""
    high: float | None
    controlled_win_rate: float | None
    """The win rate at equal length (AlpacaEval 2's length control)."""
    controlled_low: float | None
    controlled_high: float | None


def matches(plan: Plan) -> Iterator[Match]:
    """Yields every later version against every earlier one, at round 1 and at the last round, and
    the last round of each against the base model's first, the baseline of a gain by refining."""
    for seed in plan.seeds:
        for task in plan.tasks:
            for number, version in enumerate(plan.versions):
                for other in plan.versions[:number]:
                    for at in sorted({1, plan.rounds}):
                        yield Match(task.name, seed, Side(version, at), Side(other, at))
                if plan.rounds > 1:
                    last = Side(version, plan.rounds)
                    yield Match(task.name, seed, last, Side(BASE_NAME, 1))


def judge_match(
    match: Match,
    cells: Mapping[Cell, CellResult],
    asked: Sequence[Question],
    judge: Judge,
    report_progress: Callable[[int], None],
) -> MatchResult:
    """Has the judge compare the first answers to each problem, in chunks.

    `report_progress` is called after every chunk and may raise to stop. A tie without agreement
    counts like any other: asked twice, the judge gave each side one win.
    """
    first, second = (_answers(match, cells, side) for side in (match.first, match.second))
    games, n_unscored = [], 0
    compared = list(zip(asked, first, second, strict=True))
    for start in range(0, len(compared), _CHUNK):
        part = compared[start : start + _CHUNK]
        pairs = [
            Pair(question.prompt, question.reference_answer, one.response, other.response)
            for question, one, other in part
        ]
        for pair, verdict in zip(pairs, compare_many(judge, pairs), strict=True):
            if isinstance(verdict, JudgeError):
                n_unscored += 1
            else:
                longer = len(pair.left) - len(pair.right)
                games.append(Game(pair.question, _WINS[verdict.outcome], longer))
        report_progress(len(part))
    prompts = tuple(question.prompt for question in asked)
    return MatchResult(match, judge.name, prompts, tuple(games), n_unscored)


def win_rows(results: Sequence[MatchResult]) -> list[WinRow]:
    """Returns a row for each two sides that were compared, their seeds pooled."""
    kinds: dict[tuple[str, Side, Side], list[MatchResult]] = {}
    for one in results:
        kind = (one.match.task, one.match.first, one.match.second)
        kinds.setdefault(kind, []).append(one)
    rows = []
    for (task, first, second), pooled in kinds.items():
        found = win_rate([game for one in pooled for game in one.games])
        rows.append(_row(task, first, second, pooled, found))
    return rows


def _row(
    task: str, first: Side, second: Side, pooled: Sequence[MatchResult], found: WinRate | None
) -> WinRow:
    return WinRow(
        task=task,
        version=first.version,
        round=first.round,
        against=second.version,
        against_round=second.round,
        judge=pooled[0].judge,
        n=found.n if found else 0,
        n_unscored=sum(one.n_unscored for one in pooled),
        win_rate=found.plain if found else None,
        low=found.plain_interval.low if found else None,
        high=found.plain_interval.high if found else None,
        controlled_win_rate=found.length_controlled if found else None,
        controlled_low=found.length_controlled_interval.low if found else None,
        controlled_high=found.length_controlled_interval.high if found else None,
    )


def _answers(match: Match, cells: Mapping[Cell, CellResult], side: Side) -> list[Answer]:
    """Returns the first answer to each problem."""
    one = cells[Cell(side.version, match.task, match.seed, Setting.REFINE)]
    return one.at(side.round - 1)[:: len(one.chains) // len(one.prompts)]
