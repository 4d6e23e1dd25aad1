"""Reads how good versions are, a page at a time: the largest measurement of each on one task."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Select, Subquery, false, func, select
from sqlalchemy.orm import Session, joinedload

from db.models import (
    Adapter,
    AdapterStatus,
    Evaluation,
    Gate,
    Job,
    JobKind,
    JobStatus,
    JudgedWinRate,
    Snapshot,
)

REFINE = "refine"
"""The control of rounds that are shown the ones before them, as people ask for them."""


class Order(StrEnum):
    """What stands first."""

    BEST = "best"
    """The highest accuracy in the last round; what is not measured comes last."""
    NEWEST = "newest"


class Measure(NamedTuple):
    """One version at one round, as its largest evaluation found it; its seeds are pooled."""

    adapter_id: int | None
    round_index: int
    job_id: int | None
    n: int
    n_correct: int
    thought_tokens: float | None
    """Mean of the answers' lengths."""
    thought_squares: float | None
    """Mean of the squared lengths, from which the deviation of pooled seeds follows."""
    response_tokens: float | None
    response_squares: float | None
    n_fixed: int | None
    n_broken: int | None
    setting: str
    """How it was asked, in words; of pooled seeds the last one's."""

    @property
    def rate(self) -> float:
        return self.n_correct / self.n


def stamp(session: Session) -> str:
    """Returns a text that changes whenever a version, a measure or a decision does."""
    newest = (
        select(func.max(Adapter.id)).scalar_subquery(),
        select(func.max(Adapter.activated_at)).scalar_subquery(),
        select(func.count(Adapter.title) + func.count(Adapter.note)).scalar_subquery(),
        select(func.max(Evaluation.id)).scalar_subquery(),
        select(func.max(Gate.decided_at)).scalar_subquery(),
        select(func.count(Gate.adapter_id)).scalar_subquery(),
        select(func.count()).where(Adapter.status == AdapterStatus.READY).scalar_subquery(),
        select(func.count()).where(Adapter.status == AdapterStatus.ACTIVE).scalar_subquery(),
    )
    return repr(tuple(session.execute(select(*newest)).one()))


def tasks(session: Session) -> list[str]:
    """Returns the tasks on which anything was measured, the one measured last first."""
    rows = (
        select(Evaluation.task)
        .where(Evaluation.control == REFINE)
        .group_by(Evaluation.task)
        .order_by(func.max(Evaluation.id).desc())
    )
    return list(session.scalars(rows))


def count(session: Session) -> int:
    """Returns how many versions were ever trained."""
    return session.scalar(select(func.count(Adapter.id))) or 0


def page(
    session: Session, task: str, *, order: Order = Order.BEST, limit: int = 20, offset: int = 0
) -> list[Adapter]:
    """Returns one page of trained versions with their parents and snapshots."""
    rows = select(Adapter).options(joinedload(Adapter.parent), joinedload(Adapter.snapshot))
    if order is Order.BEST:
        pooled = _pooled(task).subquery()
        last = (
            select(pooled.c.adapter_id, func.max(pooled.c.round_index).label("round_index"))
            .group_by(pooled.c.adapter_id)
            .subquery()
        )
        rows = (
            rows.outerjoin(last, last.c.adapter_id == Adapter.id)
            .outerjoin(
                pooled,
                (pooled.c.adapter_id == Adapter.id) & (pooled.c.round_index == last.c.round_index),
            )
            .order_by((1.0 * pooled.c.n_correct / pooled.c.n).desc().nulls_last())
        )
    return list(session.scalars(rows.order_by(Adapter.id.desc()).limit(limit).offset(offset)))


def measures(session: Session, task: str, adapter_ids: Sequence[int | None]) -> list[Measure]:
    """Returns the measures of these versions (None is the base model) by round."""
    pooled = _pooled(task).subquery()
    named = pooled.c.adapter_id.in_([one for one in adapter_ids if one is not None])
    base = pooled.c.adapter_id.is_(None) if None in adapter_ids else false()
    rows = select(pooled).where(named | base)
    ordered = rows.order_by(pooled.c.adapter_id, pooled.c.round_index)
    return [Measure(*row) for row in session.execute(ordered)]


def measured_in(
    session: Session, task: str, adapter_id: int | None, job_id: int | None, round_index: int
) -> tuple[int, int] | None:
    """Returns n and how many were right, of a version in one evaluation, whatever came later.

    `job_id` is None for what was shipped. None where it was not measured there.
    """
    one = Evaluation
    n, n_correct = session.execute(
        select(func.sum(one.n), func.sum(one.n_correct)).where(
            one.task == task,
            one.control == REFINE,
            one.round_index == round_index,
            one.adapter_id.is_not_distinct_from(adapter_id),
            one.job_id.is_not_distinct_from(job_id),
        )
    ).one()
    return (n, n_correct) if n else None


def kinds(session: Session, job_ids: Sequence[int]) -> dict[int, JobKind]:
    """Returns the kinds of these jobs."""
    rows = session.execute(select(Job.id, Job.kind).where(Job.id.in_(job_ids)))
    return {row.id: row.kind for row in rows}


def results(session: Session, job_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Returns what these jobs found."""
    rows = session.execute(select(Job.id, Job.result).where(Job.id.in_(set(job_ids))))
    return {row.id: row.result for row in rows}


def votes_learnt(session: Session) -> dict[int | None, int]:
    """Returns the examples of DPO that each version has learnt, its ancestors' included."""
    n_learnt = func.coalesce(Adapter.metrics["n_learnt"].as_integer(), Snapshot.n_rows)
    rows = session.execute(
        select(Adapter.id, Adapter.parent_id, Job.kind, n_learnt.label("n_learnt"))
        .outerjoin(Job, Job.id == Adapter.job_id)
        .outerjoin(Snapshot, Snapshot.id == Adapter.snapshot_id)
        .order_by(Adapter.id)
    )
    learnt: dict[int | None, int] = {}
    for row in rows:  # a parent is older than its children
        own = row.n_learnt if row.kind is JobKind.DPO and row.n_learnt else 0
        learnt[row.id] = learnt.get(row.parent_id, 0) + own
    return learnt


def judged(session: Session, task: str) -> list[JudgedWinRate]:
    """Returns the newest win rate between each two versions at the same round, the last one."""
    same = JudgedWinRate.round_index == JudgedWinRate.against_round_index
    newest = (
        select(func.max(JudgedWinRate.id))
        .where(JudgedWinRate.task == task, same)
        .group_by(JudgedWinRate.adapter_id, JudgedWinRate.against_id)
    )
    rows = select(JudgedWinRate).where(JudgedWinRate.id.in_(newest))
    return list(session.scalars(rows.order_by(JudgedWinRate.id)))


def _largest(task: str) -> Subquery:
    """Returns, for each version, the finished job that measured it on most problems of the task.

    Of several the newest: a look at thirty problems does not take the place of a gate's two
    hundred. NULL is what was shipped with a version, and counts until a job has measured it.
    """
    one = Evaluation
    of_rounds = (
        select(one.adapter_id, one.job_id, func.sum(one.n).label("n"))
        .outerjoin(Job, Job.id == one.job_id)
        .where(
            one.task == task,
            one.control == REFINE,
            one.job_id.is_(None) | (Job.status == JobStatus.DONE),
        )
        .group_by(one.adapter_id, one.job_id, one.round_index)
        .subquery()
    )
    jobs = (
        select(of_rounds.c.adapter_id, of_rounds.c.job_id, func.max(of_rounds.c.n).label("n"))
        .group_by(of_rounds.c.adapter_id, of_rounds.c.job_id)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=jobs.c.adapter_id,
        order_by=(jobs.c.job_id.is_(None), jobs.c.n.desc(), jobs.c.job_id.desc()),
    )
    ordered = select(jobs.c.adapter_id, jobs.c.job_id, place.label("place")).subquery()
    first = select(ordered.c.adapter_id, ordered.c.job_id).where(ordered.c.place == 1)
    return first.subquery()


def _pooled(task: str) -> Select[Any]:
    largest, one = _largest(task), Evaluation
    of_largest = largest.c.job_id.is_not_distinct_from(
        one.job_id
    ) & largest.c.adapter_id.is_not_distinct_from(one.adapter_id)
    n = func.sum(one.n)
    return (
        select(
            one.adapter_id,
            one.round_index,
            func.max(one.job_id).label("job_id"),
            n.label("n"),
            func.sum(one.n_correct).label("n_correct"),
            *_lengths(one.n, one.thought_tokens, one.thought_tokens_sd, "thought"),
            *_lengths(one.n, one.response_tokens, one.response_tokens_sd, "response"),
            func.sum(one.n_fixed).label("n_fixed"),
            func.sum(one.n_broken).label("n_broken"),
            func.max(one.setting).label("setting"),
        )
        .join(largest, of_largest)
        .where(one.task == task, one.control == REFINE)
        .group_by(one.adapter_id, one.round_index)
    )


def _lengths(n: Any, mean: Any, deviation: Any, name: str) -> tuple[Any, Any]:
    """Returns mean and mean square over pooled rows."""
    total = func.sum(n)
    squares = func.sum(n * (mean * mean + deviation * deviation)) / total
    average = func.sum(n * mean) / total
    return average.label(f"{name}_tokens"), squares.label(f"{name}_squares")
