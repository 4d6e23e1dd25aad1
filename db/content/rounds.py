"""Stores runs and their rounds, one short transaction a round, and loads them as a tree."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from db.models import POLICY, Round, Run, RunMode, RunState
from db.storage.errors import Conflict

ADAPTER_IDS = "adapter_ids"
"""Of a run's settings, where several versions answer: each candidate's adapter, null the base."""


def _eager_loads() -> tuple[ORMOption, ...]:
    rounds = selectinload(Run.rounds)
    return (
        rounds.immediateload(Round.run),
        rounds.immediateload(Round.prompt),
        rounds.immediateload(Round.parent),
        rounds.immediateload(Round.adapter),
    )


_RUN = select(Run).where(Run.id == bindparam("run_id")).options(*_eager_loads())


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRound:
    """A completion about to be stored; the fields are the columns of `Round`."""

    index: int
    parent_id: int | None
    """Row of the round before it; None exactly when `index` is 0."""
    candidate: int = 0
    author: str = POLICY
    thinking: bool
    thought: str
    response: str
    raw: str
    completion_ids: Sequence[int] | None = None
    well_formed: bool
    sampling: dict[str, Any]
    seed: int
    n_thought_tokens: int
    n_response_tokens: int
    finish_reason: str
    logprob_sum: float | None = None
    thought_s: float = 0.0
    duration_s: float = 0.0
    correct: bool | None = None
    thought_end: str | None = None
    asked_again: bool = False


def start_run(
    session: Session,
    prompt_id: int,
    mode: RunMode,
    settings: dict[str, Any],
    *,
    rater_id: int | None = None,
    adapter_id: int | None = None,
    job_id: int | None = None,
) -> Run:
    """Stores a run that is under way. `adapter_id` is the policy it is pinned to, None the base.

    A run belongs to the rater or to the job that asked for it.
    """
    run = Run(
        prompt_id=prompt_id,
        mode=mode,
        settings=settings,
        rater_id=rater_id,
        adapter_id=adapter_id,
        job_id=job_id,
        state=RunState.RUNNING,
    )
    session.add(run)
    session.flush()
    return run


def finish_run(session: Session, run_id: int, state: RunState, message: str | None = None) -> Run:
    """Stores how a run ended, and why when it ended early. Its rounds stay whatever happened."""
    run = _run(session, run_id)
    run.state = state
    run.message = message
    session.flush()
    return run


def add_round(session: Session, run_id: int, new: NewRound) -> Round:
    """Stores one finished round under its run's prompt and, when the policy wrote it, its adapter.

    Raises `Conflict` when its parent is not the round before it on the same prompt.
    """
    run = _run(session, run_id)
    if new.parent_id is not None:
        parent = session.get(Round, new.parent_id)
        if parent is None or parent.prompt_id != run.prompt_id or parent.index != new.index - 1:
            raise Conflict(
                f"Round {new.index + 1} of run {run_id} cannot follow round row {new.parent_id}: "
                "a parent is the round before it, of the same prompt."
            )
    columns = {field.name: getattr(new, field.name) for field in fields(new)}
    columns["completion_ids"] = None if new.completion_ids is None else list(new.completion_ids)
    row = Round(
        run=run,
        prompt_id=run.prompt_id,
        adapter_id=_adapter_id(run, new.candidate) if new.author == POLICY else None,
        **columns,
    )
    session.add(row)
    session.flush()
    return row


def lineage(session: Session, round_: Round) -> list[Round]:
    """Returns the rounds that led to this one, oldest first; empty for a first round."""
    earlier: list[Round] = []
    parent_id = round_.parent_id
    while parent_id is not None:
        parent = session.get_one(Round, parent_id)
        earlier.append(parent)
        parent_id = parent.parent_id
    return earlier[::-1]


def load_run(session: Session, run_id: int) -> Run | None:
    """Returns a run with prompt, adapter and rounds, readable after the session is closed."""
    return session.scalars(_RUN, {"run_id": run_id}).one_or_none()


def last_run(session: Session, rater_id: int) -> Run | None:
    """Returns the latest run of this person that was not deleted, loaded as `load_run` does."""
    newest = select(Run).where(
        Run.rater_id == rater_id, Run.mode != RunMode.JOB, Run.deleted_at.is_(None), Run.is_shown()
    )
    return session.scalars(
        newest.order_by(Run.id.desc()).limit(1).options(*_eager_loads())
    ).one_or_none()


def running(session: Session) -> list[int]:
    """Returns the ids of the runs that people asked for and that are under way."""
    under_way = select(Run.id).where(Run.state == RunState.RUNNING, Run.mode != RunMode.JOB)
    return list(session.scalars(under_way))


def under_way_of(
    session: Session, rater_id: int, run_ids: Collection[int]
) -> Sequence[dict[str, Any]]:
    """Returns the settings of those of these runs that this person asked for and that go on."""
    under_way = select(Run.settings).where(
        Run.id.in_(run_ids), Run.rater_id == rater_id, Run.state == RunState.RUNNING
    )
    return session.scalars(under_way).all()


def versions_asked(session: Session, run_ids: Collection[int]) -> set[int]:
    """Returns the ids of the versions that those of these runs ask which are under way."""
    under_way = select(Run).where(Run.id.in_(run_ids), Run.state == RunState.RUNNING)
    asked: set[int | None] = set()
    for run in session.scalars(under_way):
        asked |= {*(run.settings.get(ADAPTER_IDS) or [run.adapter_id])}
    return {each for each in asked if each is not None}


def abandon_runs(session: Session, alive: Collection[int] = ()) -> int:
    """Stops the runs that a dead process left running; `alive` are those of processes that are not.

    Returns how many.
    """
    ended = (
        update(Run)
        .where(Run.state == RunState.RUNNING, Run.mode != RunMode.JOB, Run.id.not_in(alive))
        .values(
            state=RunState.STOPPED,
            message="The program stopped during this run; the rounds finished before are kept.",
        )
        .returning(Run.id)
    )
    return len(session.scalars(ended).all())


def _adapter_id(run: Run, candidate: int) -> int | None:
    """Returns who writes a candidate: the run's version, or its own where versions are compared."""
    own: list[int | None] | None = run.settings.get(ADAPTER_IDS)
    return own[candidate] if own else run.adapter_id


def _run(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id)
    if run is None:
        raise Conflict(f"Run {run_id} is not in this database; start a new one.")
    return run
