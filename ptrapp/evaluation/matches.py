"""Versions against each other, by a judge who reads responses only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ptrapp.analysis.winrates import Game, WinRate, win_rate
from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.evaluation.answers import Answer, Measured
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
"""Comparisons between two looks at whether to stop."""


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
class Judged:
    """A finished match: what it gave, and how much the judge could not read."""

    match: Match
    judge: str
    prompts: tuple[str, ...]
    """The problems it was played on, in their order."""
    games: tuple[Game, ...]
    n_unscored: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"games": [list(game) for game in self.games]}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Judged":
        match = kept["match"]
        sides = Side(**match["first"]), Side(**match["second"])
        return cls(
            Match(match["task"], match["seed"], *sides),
            kept["judge"],
            tuple(kept["prompts"]),
            tuple(Game(*game) for game in kept["games"]),
            kept["n_unscored"],
        )


@dataclass(frozen=True, slots=True)
class WinRow:
    """How often the first side's responses were preferred, all seeds together."""

    task: str
    version: str
    round: int
    against: str
    against_round: int
    judge: str
    n: int
    n_unscored: int
    """Comparisons without a readable verdict: they are no ties and count nowhere."""
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
    """Every later version against every earlier one, at round 1 and at the last round; and its
    last round against the base model's first, which is what a gain by refining has to beat."""
    for seed in plan.seeds:
        for task in plan.tasks:
            for place, version in enumerate(plan.versions):
                for other in plan.versions[:place]:
                    for at in sorted({1, plan.rounds}):
                        yield Match(task.name, seed, Side(version, at), Side(other, at))
                if plan.rounds > 1:
                    last = Side(version, plan.rounds)
                    yield Match(task.name, seed, last, Side(BASE_NAME, 1))


def play(
    match: Match,
    cells: Mapping[Cell, Measured],
    asked: Sequence[Question],
    judge: Judge,
    told: Callable[[int], None],
) -> Judged:
    """Let the judge compare, a chunk of problems at a time; the first answer to each is compared.

    `told` hears of every chunk, and stops the match by raising. A tie that the judge was not sure
    of is a tie like any other: asked twice, it gave each side one win.
    """
    first, second = (_answers(match, cells, side) for side in (match.first, match.second))
    games, n_unscored = [], 0
    met = list(zip(asked, first, second, strict=True))
    for start in range(0, len(met), _CHUNK):
        part = met[start : start + _CHUNK]
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
        told(len(part))
    prompts = tuple(question.prompt for question in asked)
    return Judged(match, judge.name, prompts, tuple(games), n_unscored)


def win_rows(played: Sequence[Judged]) -> list[WinRow]:
    """A row for each two sides that met, their seeds pooled."""
    kinds: dict[tuple[str, Side, Side], list[Judged]] = {}
    for one in played:
        met = (one.match.task, one.match.first, one.match.second)
        kinds.setdefault(met, []).append(one)
    rows = []
    for (task, first, second), pooled in kinds.items():
        found = win_rate([game for one in pooled for game in one.games])
        rows.append(_row(task, first, second, pooled, found))
    return rows


def _row(
    task: str, first: Side, second: Side, pooled: Sequence[Judged], found: WinRate | None
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


def _answers(match: Match, cells: Mapping[Cell, Measured], side: Side) -> list[Answer]:
    """The first answer of each problem."""
    one = cells[Cell(side.version, match.task, match.seed, Setting.REFINE)]
    return one.at(side.round - 1)[:: len(one.chains) // len(one.prompts)]
