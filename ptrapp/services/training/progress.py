"""How far a job is: its stages, what they took, and what is left of it from the first second on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from db.models import Job, JobKind, JobStatus
from db.registry import phases
from db.storage.session import Session
from ptrapp.services.training import speed
from ptrapp.services.training.stages import OF_KIND, ORDER, Stage, durations, stage_of

StageState = Literal["done", "now", "waits", "stopped"]


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of a job."""

    stage: Stage
    state: StageState
    spent_s: float
    expected_s: float | None
    """By the measured speed of earlier jobs; None where none was measured."""
    share: float
    """How much of it is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is."""

    stages: tuple[StageView, ...]
    left_s: float | None
    """Seconds until it ends; None where that is not known, and when it does not run."""
    spent_s: float
    share: float | None
    """How much of it is done by expected time, 0 to 1; None where that is not known."""
    n_earlier: int
    """Earlier jobs by which the time is expected."""
    paused: bool = False
    """Whether it was interrupted and begun anew: it took less than its start and end say."""
    stage_left_s: float | None = None
    """Seconds left of the stage it is at, where those of later stages were never measured."""
    lost: bool = False
    """Whether its process says nothing any more; the next worker takes it over."""


def read_progress(session: Session, job: Job) -> JobProgress:
    """Returns how far a job is now."""
    earlier = speed.read_earlier(session, job.kind, job.payload.get("base_model", ""), job.id)
    settings = job.payload.get("settings", {})
    expected = speed.expected(
        earlier, speed.amounts(job.kind, settings, speed.examples(session, job))
    )
    points = phases.of_jobs(session, [job.id])[job.id]
    now = phases.now(session)
    ended = job.finished_at.timestamp() if job.finished_at else now
    waits = job.status is JobStatus.QUEUED  # one that was stopped before begins its phases anew
    spent, reached = durations(job.kind, [] if waits else points, ended)
    running = job.status is JobStatus.RUNNING
    if job.status not in (JobStatus.QUEUED, JobStatus.RUNNING):
        expected = {}  # of what has ended nothing is awaited
    lost = running and job.lease_until is not None and job.lease_until < now
    if job.phase and job.status is not JobStatus.QUEUED:
        reached = stage_of(job.kind, job.phase, reached)
    stages = tuple(_stage(job, stage, reached, spent, expected) for stage in OF_KIND[job.kind])
    goes_on = job.status in (JobStatus.QUEUED, JobStatus.RUNNING) and not lost
    left = _left(job, stages) if goes_on else None
    of_stage = None
    if left is not None and not _is_of_all(job, stages):
        left, of_stage = None, left
    total = sum(spent.values())
    share = total / (total + left) if left is not None and total + left else None
    paused = speed.was_paused(job, points)
    return JobProgress(stages, left, total, share, len(earlier), paused, of_stage, lost)


def _stage(
    job: Job,
    stage: Stage,
    reached: Stage,
    spent: Mapping[Stage, float],
    expected: Mapping[Stage, float],
) -> StageView:
    seconds, awaited = spent.get(stage, 0.0), expected.get(stage)
    if job.status is JobStatus.DONE or ORDER.index(stage) < ORDER.index(reached):
        return StageView(stage, "done", seconds, awaited, 1.0)
    if stage is not reached or job.status is JobStatus.QUEUED:
        return StageView(stage, "waits", seconds, awaited, 0.0)
    if job.n_steps:
        share = min(job.step / job.n_steps, 1.0)
    else:
        share = min(seconds / awaited, 0.95) if awaited else 0.0
    state: StageState = "now" if job.status is JobStatus.RUNNING else "stopped"
    return StageView(stage, state, seconds, awaited, share)


def _is_of_all(job: Job, stages: Sequence[StageView]) -> bool:
    """Returns whether `_left` knows of every stage; the last takes a moment, and may be unknown."""
    if job.kind is JobKind.EVALUATE and job.eta_s is not None:
        return True
    return all(one.expected_s is not None for one in stages[:-1] if one.state == "waits")


def _left(job: Job, stages: tuple[StageView, ...]) -> float | None:
    """Returns the seconds left: the job's own figure for what it does, else by earlier ones."""
    if job.kind is JobKind.EVALUATE and job.eta_s is not None:
        return job.eta_s  # of all that is left, comparisons included
    left, known = 0.0, False
    for one in stages:
        if one.state == "done":
            continue
        if one.state == "now" and job.eta_s is not None:
            left += job.eta_s
            known = True
        elif one.expected_s is not None:
            left += max(one.expected_s - one.spent_s, 0.0) if one.state == "now" else one.expected_s
            known = True
    return left if known else None
