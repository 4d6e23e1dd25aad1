"""Reads everything that the page of one job shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.labelling import votes
from db.models import Job, JobKind, JobStatus
from db.registry import adapters, curves, job_list, leaderboard, phases
from db.storage.session import Session
from ptrapp.services.context import DataContext
from ptrapp.services.gate import GATE
from ptrapp.services.jobs import JobView, view
from ptrapp.services.training import form, speed
from ptrapp.services.training.measured import MadeVersion, measured_by, measuring, read_made
from ptrapp.services.training.outcome import JobOutcome, gates_of, outcome
from ptrapp.services.training.progress import JobProgress, read_progress
from ptrapp.services.training.samples import CheckpointSamples, read_samples

Curves = Mapping[str, list[tuple[int, float]]]
_COMPARABLE = 5
"""Earlier jobs of the kind among which the last one with curves is looked for."""


@dataclass(frozen=True, slots=True)
class ComparedJob:
    """The last comparable job: of the same kind, for the same base model, finished before."""

    name: str
    """The version it made, or its number."""
    curves: Curves


@dataclass(frozen=True, slots=True)
class JobPage:
    """Everything that the page of a job shows, but its log."""

    job: JobView
    method: form.Method
    progress: JobProgress
    outcome: JobOutcome
    started_by: str
    started_at: datetime | None
    finished_at: datetime | None
    curves: Curves
    compared: ComparedJob | None
    samples: CheckpointSamples | None
    gate_s: float | None
    """Seconds that an evaluation by the gate took last; None where none was measured."""
    made: MadeVersion | None
    """The version it made, and what became of it."""
    measures: tuple[str, int | None] | None
    """The version on which the gate decides by this evaluation, and the job that made it."""
    next_job: int | None
    """The job that this one queued when it was done."""


def read_job(context: DataContext, job_id: int) -> JobPage:
    """Returns a job as it is now. Raises `NotFound`."""
    shown = view(context, job_id)
    with context.database.read() as session:
        job = session.get_one(Job, job_id)
        made = adapters.made_by(session, [job_id])
        version, measured = made.get(job_id), measured_by(session, job)
        return JobPage(
            job=shown,
            method=form.method_of(job.kind, shown.settings),
            progress=read_progress(session, job),
            outcome=outcome(job, version, gates_of(session, made).get(job_id)),
            started_by=job.payload.get("started_by", ""),
            started_at=job.started_at,
            finished_at=job.finished_at,
            curves=curves.of_job(session, job_id),
            compared=_compared(session, job),
            samples=read_samples(session, context.settings.jobs_dir / str(job_id)),
            gate_s=_gate_seconds(session, job),
            made=read_made(session, context.settings, version) if version else None,
            measures=(measured.name, measured.job_id) if measured else None,
            next_job=job.result.get("next_job_id"),
        )


def read_stamps(context: DataContext, job_id: int | None) -> tuple[str, str]:
    """Returns two texts: one changes when anything began, ended or was voted, and the other also
    when the job has come further, every second while it runs.

    Without an id the job is the one that runs or is next.
    """
    with context.database.read() as session:
        newest = job_list.page(session, limit=_COMPARABLE)
        states = [(job.id, job.status.value, job.cancel_requested) for job in newest]
        known = (states, leaderboard.stamp(session), votes.highest_vote_id(session))
        going = _followed(session, job_id) if job_id else _going(session)
        if going is None:
            return repr(known), ""
        second = int(phases.now(session)) if going.status is JobStatus.RUNNING else 0
        far = (going.id, going.status.value, going.phase, going.step, len(going.notes), second)
    return repr(known), repr((far, known[1]))


def going(context: DataContext) -> int | None:
    """Returns the id of the job that runs, else of the next one."""
    with context.database.read() as session:
        found = _going(session)
    return found.id if found else None


def _going(session: Session) -> Job | None:
    running = job_list.page(session, statuses=[JobStatus.RUNNING], limit=1)
    return next(iter(running), None) or job_list.next_queued(session)


def _followed(session: Session, job_id: int) -> Job | None:
    """Returns a job, or the evaluation of the version that it has made."""
    job = session.get(Job, job_id)
    done = job is not None and job.status is JobStatus.DONE
    return (measuring(session, job) if job and done else None) or job


def _compared(session: Session, job: Job) -> ComparedJob | None:
    base = job.payload.get("base_model", "")
    earlier = job_list.last_done(session, job.kind, base, limit=_COMPARABLE, before=job.id)
    drawn = curves.having(session, [row.id for row in earlier], "loss")
    found = next((row for row in earlier if row.id in drawn), None)
    if found is None:
        return None
    made = adapters.made_by(session, [found.id]).get(found.id)
    name = f"job {found.id}" + (f", {made.name}" if made else "")
    return ComparedJob(name, curves.of_job(session, found.id))


def _gate_seconds(session: Session, job: Job) -> float | None:
    """Returns how long the last evaluation took that the gate asked for and nothing interrupted."""
    base = job.payload.get("base_model", "")
    last = job_list.last_done(session, JobKind.EVALUATE, base, limit=_COMPARABLE)
    asked = [row for row in last if row.payload.get("started_by") == GATE]
    began = phases.of_jobs(session, [row.id for row in asked])
    for row in asked:
        if row.started_at and row.finished_at and not speed.was_paused(row, began[row.id]):
            return (row.finished_at - row.started_at).total_seconds()
    return None


def estimate(
    context: DataContext, kind: JobKind, settings: Mapping[str, Any], n_examples: int | None
) -> tuple[float | None, int]:
    """Returns the seconds a job queued now would take, and by how many earlier ones.

    A job that queues a fine-tuning takes as long as both.
    """
    if kind is JobKind.PTR_DATA and settings.get("learn"):
        made, n_made = estimate(context, kind, {**settings, "learn": False}, n_examples)
        learnt, n_learnt = estimate(context, JobKind.MASK_SFT, {}, None)
        known = made is not None and learnt is not None
        return (made + learnt, min(n_made, n_learnt)) if known else (None, 0)  # type: ignore[operator]
    with context.database.read() as session:
        earlier = speed.read_earlier(session, kind, context.base_model)
        if not earlier:
            return None, 0
        seconds = speed.expected(earlier, speed.amounts(kind, settings, n_examples))
        iterations = settings.get("iterations", 1)
        each = sum(seconds.values())
        return each * iterations if isinstance(iterations, int | float) else each, len(earlier)
