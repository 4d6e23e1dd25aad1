"""The leaderboard: a page of versions with everything that was measured of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from db.models import Adapter, Gate, JobKind
from db.registry import adapters, gates, leaderboard
from db.registry.leaderboard import Measure, Order
from db.storage.session import Session
from ptrapp.analysis.estimates import Estimate, mean
from ptrapp.analysis.intervals import Interval, wilson
from ptrapp.core.counts import counted
from ptrapp.core.types import BASE
from ptrapp.services.context import AppContext, DataContext
from ptrapp.services.fitting import gate_task
from ptrapp.services.leaderboard.win_rates import Pair, VersionWinRate, judges, peoples

PAGE = 20
"""Versions on one page of the table."""
HISTORY = 60
"""Versions on a curve, the newest ones."""
Shares = dict[tuple[int, int], float]
"""A version's shares by evaluation (a job's id) and round, from 1."""
_TASK_CHARS = 64
"""Characters of a task's name that its measures keep."""
_METHODS = {
    JobKind.DPO: ("DPO", "vote"),
    JobKind.TPO: ("TPO", "pair"),
    JobKind.MASK_SFT: ("Mask-SFT", "refinement"),
}


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """Accuracy and lengths of one round."""

    round: int
    """From 1."""
    n: int
    n_correct: int
    rate: float
    interval: Interval
    """Wilson, 95 %."""
    thought: Estimate
    """Mean length in tokens, with its 95 % interval."""
    response: Estimate
    fixed: int | None
    broken: int | None
    ended_itself: float | None = None
    """Share of the thoughts that the model ended itself, where its evaluation counted them."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version with all that is known of it."""

    id: int | None
    """None is the base model."""
    name: str
    title: str
    note: str
    parent: str
    method: str
    trained_on: str
    status: str
    gate: str
    verdict: str
    rounds: tuple[RoundFigures, ...]
    """Empty where it was not measured."""
    job_id: int | None
    """The evaluation that its figures are from."""
    against_base: tuple[VersionWinRate, ...]
    """People's, then the judge's, where there are any."""
    against_parent: tuple[VersionWinRate, ...]
    created_at: datetime | None
    asked: str = ""
    """How it was asked when it was measured: greedy or sampled, and which rounds thought."""

    @property
    def last(self) -> RoundFigures | None:
        return self.rounds[-1] if self.rounds else None

    @property
    def serves(self) -> bool:
        return self.status == "active"


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """One page of the table."""

    task: str
    """The problems that accuracy was measured on; empty where nothing was measured."""
    tasks: tuple[str, ...]
    rows: tuple[VersionRow, ...]
    """The base model is the last one, on every page."""
    serving: VersionRow
    """The version that answers, whichever page it is on."""
    waiting: tuple[VersionRow, ...]
    """Versions at the gate, newest first."""
    history: tuple[VersionRow, ...]
    """The newest versions and the base model, for curves over versions."""
    n_versions: int
    """Trained versions on all pages."""
    page: int
    n_pages: int


def read_leaderboard(
    context: AppContext, *, task: str = "", order: Order = Order.BEST, page: int = 1
) -> Leaderboard:
    """Returns one page; without a `task` the gate's, or the one measured last."""
    with context.database.read() as session:
        tasks = leaderboard.tasks(session)
        task = task if task in tasks else _default_task(tasks, gate_task(context))
        n_versions = leaderboard.count(session)
        n_pages = max(1, -(-n_versions // PAGE))
        page = min(max(page, 1), n_pages)
        shown = leaderboard.page(session, task, order=order, limit=PAGE, offset=PAGE * (page - 1))
        waiting = adapters.ready(session)[::-1][:PAGE]
        active = adapters.active(session)
        served = [active] if active else []
        newest = leaderboard.page(session, task, order=Order.NEWEST, limit=HISTORY)
        games = context.games.current(session)
        rows = version_rows(session, task, [*shown, *waiting, *served, *newest], games)
    end = len(shown) + len(waiting)
    return Leaderboard(
        task=task,
        tasks=tuple(tasks),
        rows=(*rows[: len(shown)], rows[-1]),
        serving=rows[end] if served else rows[-1],
        waiting=rows[len(shown) : end],
        history=rows[end + len(served) :],
        n_versions=n_versions,
        page=page,
        n_pages=n_pages,
    )


def read_stamp(context: DataContext) -> str:
    """Returns a text that changes when anything was measured, decided or served."""
    with context.database.read() as session:
        return leaderboard.stamp(session)


def read_votes_learnt(context: DataContext) -> dict[int | None, int]:
    """Returns how many votes each version has learnt, its ancestors' included."""
    with context.database.read() as session:
        return leaderboard.votes_learnt(session)


def version_rows(
    session: Session, task: str, shown: Sequence[Adapter], games: np.ndarray
) -> tuple[VersionRow, ...]:
    """Returns the rows of these versions, and the base model's as the last.

    `games` are people's votes between versions, as `read_games` has them.
    """
    ids: list[int | None] = [row.id for row in shown]
    measured = leaderboard.measures(session, task, [*ids, None])
    found = _by_version(measured)
    results = leaderboard.results(session, {row.job_id for row in measured if row.job_id})
    ended = _ended_itself(results, task)
    decided = gates.of_all(session, [row.id for row in shown])
    kinds = leaderboard.kinds(session, [row.job_id for row in shown if row.job_id])
    pairs = {pair for row in shown for pair in ((row.id, None), (row.id, row.parent_id))}
    wins = (
        peoples(games, pairs),
        judges(leaderboard.judged(session, task)),
    )
    rows = [
        _row(
            row,
            kinds.get(row.job_id or 0),
            found.get(row.id, []),
            decided.get(row.id),
            wins,
            ended.get(row.name, {}),
        )
        for row in shown
    ]
    of_base = found.get(None, [])
    base = VersionRow(
        id=None,
        name=BASE.label,
        title="",
        note="",
        parent="",
        method="as it came",
        trained_on="",
        status="retired" if adapters.active(session) else "active",
        gate="",
        verdict="",
        rounds=_figures(of_base, ended.get(BASE.label, {})),
        job_id=of_base[0].job_id if of_base else None,
        against_base=(),
        against_parent=(),
        created_at=None,
        asked=_asked(of_base),
    )
    return (*rows, base)


def _default_task(tasks: Sequence[str], of_gate: str) -> str:
    return of_gate if of_gate in tasks or not tasks else tasks[0]


def _row(
    row: Adapter,
    kind: JobKind | None,
    measured: Sequence[Measure],
    gate: Gate | None,
    wins: Sequence[Mapping[Pair, VersionWinRate]],
    ended: Shares,
) -> VersionRow:
    method, what = _METHODS.get(kind, (kind.value, "example")) if kind else ("", "example")
    learnt = "" if row.n_learnt is None else counted(row.n_learnt, what)
    base, parent = (row.id, None), (row.id, row.parent_id)
    return VersionRow(
        id=row.id,
        name=row.name,
        title=row.title or "",
        note=row.note or "",
        parent=row.parent.name if row.parent else "base",
        method=method,
        trained_on=learnt,
        status=row.status.value,
        gate=gate.state.value if gate else "",
        verdict=_verdict(gate) if gate else row.reason or "",
        rounds=_figures(measured, ended),
        job_id=measured[0].job_id if measured else None,
        against_base=tuple(one[base] for one in wins if base in one),
        against_parent=tuple(one[parent] for one in wins if parent in one),
        created_at=row.created_at,
        asked=_asked(measured),
    )


def _asked(measured: Sequence[Measure]) -> str:
    if not measured:
        return ""
    shipped = measured[0].setting.endswith(", shipped")  # measured with a thought in each round
    return "greedy, thinking always" if shipped else measured[0].setting.partition(", seed ")[0]


def _verdict(gate: Gate) -> str:
    if gate.overruled_reason:
        return (
            f"{gate.verdict}; served all the same by {gate.overruled_by}: {gate.overruled_reason}"
        )
    return gate.verdict


def _by_version(rows: Sequence[Measure]) -> dict[int | None, list[Measure]]:
    found: dict[int | None, list[Measure]] = {}
    for row in rows:
        found.setdefault(row.adapter_id, []).append(row)
    return found


def _ended_itself(results: Mapping[int, dict[str, Any]], task: str) -> dict[str, Shares]:
    """Returns, by version, the shares of thoughts that it ended itself, as its evaluations say."""
    found: dict[str, Shares] = {}
    for job_id, result in results.items():
        for row in result.get("table", []):
            of_task = row["task"][:_TASK_CHARS] == task and row["setting"] == leaderboard.REFINE
            if of_task and row.get("ended_itself_share") is not None:
                shares = found.setdefault(row["version"], {})
                shares[job_id, row["round"]] = row["ended_itself_share"]
    return found


def _figures(rows: Sequence[Measure], ended: Shares) -> tuple[RoundFigures, ...]:
    return tuple(
        RoundFigures(
            round=row.round_index + 1,
            n=row.n,
            n_correct=row.n_correct,
            rate=row.rate,
            interval=wilson(row.n_correct, row.n),
            thought=mean(row.n, row.thought_tokens, row.thought_squares),
            response=mean(row.n, row.response_tokens, row.response_squares),
            fixed=row.n_fixed,
            broken=row.n_broken,
            ended_itself=ended.get((row.job_id or 0, row.round_index + 1)),
        )
        for row in rows
    )
