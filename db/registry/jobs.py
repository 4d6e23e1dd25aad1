"""Queues jobs: a table of leases, where a job belongs to the worker with its latest claim token.

Leases run on the database's clock. Every write of a running job carries the token of its claim;
a worker whose job was taken over is fenced: it gets `Conflict` and stores nothing.
"""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import case, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.models import Adapter, Job, JobKind, JobMetric, JobStatus, now
from db.registry import phases
from db.storage.dialects import clock, insert
from db.storage.errors import AlreadyQueued, Conflict

MAX_CLAIMS = 5
"""A job that ended this many workers without an error of its own is not tried again."""
OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)
STOPPED = (JobStatus.FAILED, JobStatus.CANCELLED)
NoteLevel = Literal["info", "warning"]
_FREE = {"claim_token": None, "lease_until": None, "eta_s": None}
"""The columns of a job that no worker has claimed."""
_UNTOLD = {"phase": "", "step": 0, "n_steps": 0, "eta_s": None}
"""How far a job is before its process says so; what an earlier process said is not so any more."""


def enqueue(session: Session, kind: JobKind, payload: dict[str, Any], dedup: str) -> Job:
    """Appends a job to the queue. Raises `AlreadyQueued` while one with its key is open."""
    row = insert(session, Job).values(
        kind=kind, payload=payload, dedup=dedup, status=JobStatus.QUEUED
    )
    job_id = session.scalar(row.on_conflict_do_nothing().returning(Job.id))
    if job_id is None:
        raise _already_queued(session, dedup)
    return session.get_one(Job, job_id)


def claim(session: Session, lease_s: float) -> Job | None:
    """Claims the oldest job that is queued or whose lease expired; returns None without one.

    The caller keeps `job.claim_token` and calls `heartbeat` well within `lease_s` seconds.
    """
    _end_abandoned(session)
    next_id = (
        select(Job.id)
        .where(or_(Job.status == JobStatus.QUEUED, _lease_expired()))
        .order_by(Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(Job)
        .where(Job.id == next_id.scalar_subquery())
        .values(
            status=JobStatus.RUNNING,
            claim_token=uuid4().hex,
            lease_until=clock() + lease_s,
            n_claims=Job.n_claims + 1,
            started_at=func.coalesce(Job.started_at, now()),
            **_UNTOLD,
        )
        .returning(Job)
    )
    job = _changed(session, taken)
    if job is not None:
        phases.restart(session, job.id)
    return job


def heartbeat(session: Session, job_id: int, token: str, lease_s: float) -> bool:
    """Extends the claim by `lease_s` seconds; returns whether a cancel was requested."""
    return _write(session, job_id, token, lease_until=clock() + lease_s).cancel_requested


def progress(
    session: Session, job_id: int, token: str, *, phase: str, step: int = 0, n_steps: int = 0,
    eta_s: float | None = None,
) -> None:  # fmt: skip
    """Stores what the job is doing now, and how far it is."""
    _write(session, job_id, token, phase=phase, step=step, n_steps=n_steps, eta_s=eta_s)
    phases.begin(session, job_id, phase)


def note(session: Session, job_id: int, token: str, level: NoteLevel, text: str) -> None:
    """Adds a message for a person to the job, once for each text, since jobs are resumed."""
    notes = _write(session, job_id, token).notes
    if all(earlier["text"] != text for earlier in notes):
        _write(session, job_id, token, notes=[*notes, {"level": level, "text": text}])


def record_metrics(
    session: Session, job_id: int, token: str, step: int, values: dict[str, float]
) -> None:
    """Stores the metrics of one step; a resumed job that repeats the step replaces them."""
    _write(session, job_id, token)
    if not values:
        return
    rows = [
        {"job_id": job_id, "step": step, "name": name, "value": value}
        for name, value in values.items()
    ]
    upsert = insert(session, JobMetric).values(rows)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=["job_id", "step", "name"], set_={"value": upsert.excluded.value}
        )
    )


def finish(
    session: Session, job_id: int, token: str, result: Mapping[str, Any] | None = None
) -> Job:
    """Marks the job as done, in the transaction that stores what it made, with its `result`."""
    done = {"status": JobStatus.DONE, "finished_at": now(), "result": dict(result or {})}
    return _write(session, job_id, token, **done, **_FREE)


def fail(session: Session, job_id: int, token: str, error: str) -> Job:
    """Marks the job as failed by an error of its own, a sentence; it may be resumed."""
    return _write(
        session, job_id, token, status=JobStatus.FAILED, error=error, finished_at=now(), **_FREE
    )


def mark_cancelled(session: Session, job_id: int, token: str) -> Job:
    """Marks the job as cancelled: its worker stopped it on request."""
    return _write(session, job_id, token, status=JobStatus.CANCELLED, finished_at=now(), **_FREE)


def release(session: Session, job_id: int, token: str) -> Job:
    """Puts the job back in the queue, because its worker shuts down, which is not a crash."""
    return _write(
        session, job_id, token, status=JobStatus.QUEUED, n_claims=Job.n_claims - 1, **_FREE
    )


def request_cancel(session: Session, job_id: int) -> Job:
    """Cancels a queued job and asks the worker of a running one to stop; others stay unchanged."""
    queued = Job.status == JobStatus.QUEUED
    asked = (
        update(Job)
        .where(Job.id == job_id, Job.status.in_(OPEN))
        .values(
            cancel_requested=True,
            status=case((queued, JobStatus.CANCELLED), else_=Job.status),
            finished_at=case((queued, now()), else_=None),
        )
        .returning(Job)
    )
    return _changed(session, asked) or _job(session, job_id)


def resume(session: Session, job_id: int) -> Job:
    """Queues a failed or cancelled job again, to continue from its last checkpoint.

    Raises `AlreadyQueued` while a job with its key is open, `Conflict` when it cannot be resumed.
    """
    job = _job(session, job_id)
    if job.status in OPEN:
        raise AlreadyQueued(f"Job {job_id} is {job.status} already.", job_id)
    if job.status not in STOPPED:
        raise Conflict(f"Job {job_id} is {job.status}; queue a new one to train again.")
    again = (
        update(Job)
        .where(Job.id == job_id, Job.status.in_(STOPPED))
        .values(
            status=JobStatus.QUEUED,
            cancel_requested=False,
            n_claims=0,
            error=None,
            finished_at=None,
            **_FREE,
        )
        .returning(Job)
    )
    try:
        with session.begin_nested():
            resumed = _changed(session, again)
    except IntegrityError as error:
        raise _already_queued(session, job.dedup) from error
    if resumed is None:
        raise Conflict(f"Job {job_id} changed this very moment; load the page again.")
    return resumed


def discard(session: Session, job_id: int) -> Job:
    """Discards a queued, failed or cancelled job for good; it is not listed any more.

    Raises `Conflict` for a job that runs, is done or is discarded already.
    """
    discardable = (
        Job.status.in_((JobStatus.QUEUED, *STOPPED)),
        ~exists().where(Adapter.job_id == Job.id),
    )
    change = (
        update(Job)
        .where(Job.id == job_id, *discardable)
        .values(
            status=JobStatus.DISCARDED,
            finished_at=func.coalesce(Job.finished_at, now()),
            **_FREE,
        )
        .returning(Job)
    )
    job = _changed(session, change)
    if job is None:
        raise Conflict(
            f"Job {job_id} is {_job(session, job_id).status}; only a job that waits, failed or was "
            "cancelled, and made no version, can be discarded."
        )
    return job


def count_open_by(session: Session, rater: str) -> int:
    """Returns how many jobs are queued or running that somebody started, by identity, not name."""
    payloads = session.scalars(select(Job.payload).where(Job.status.in_(OPEN)))
    return sum(payload.get("started_by_id") == rater for payload in payloads)


def queue(session: Session, limit: int = 50) -> list[Job]:
    """Returns the latest jobs that were not discarded, newest first."""
    listed = select(Job).where(Job.status != JobStatus.DISCARDED)
    return list(session.scalars(listed.order_by(Job.id.desc()).limit(limit)))


def queue_position(session: Session, job_id: int) -> int | None:
    """Returns 0 while the job runs, 1 when it is next, None when it has ended."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or job.status not in OPEN:
        return None
    if job.status is JobStatus.RUNNING:
        return 0
    ahead = select(func.count(Job.id)).where(Job.status == JobStatus.QUEUED, Job.id <= job_id)
    return session.scalars(ahead).one()


def _lease_expired() -> Any:
    return (Job.status == JobStatus.RUNNING) & (Job.lease_until < clock())


def _end_abandoned(session: Session) -> None:
    """Ends jobs with an expired lease that must not run again: cancelled, or claimed too often."""
    cancelled = update(Job).where(_lease_expired(), Job.cancel_requested)
    session.execute(
        cancelled.values(status=JobStatus.CANCELLED, finished_at=now(), **_FREE),
        execution_options={"synchronize_session": False},
    )
    claimed_too_often = update(Job).where(_lease_expired(), Job.n_claims >= MAX_CLAIMS)
    session.execute(
        claimed_too_often.values(
            status=JobStatus.FAILED,
            error=f"{MAX_CLAIMS} workers in a row died on this job; look for the cause (memory?) "
            "in its log, then resume it.",
            finished_at=now(),
            **_FREE,
        ),
        execution_options={"synchronize_session": False},
    )


def _write(session: Session, job_id: int, token: str, **values: Any) -> Job:
    """Changes a running job under one claim; raises `Conflict` when that claim is over."""
    held = (Job.id == job_id, Job.claim_token == token, Job.status == JobStatus.RUNNING)
    values = values or {"claim_token": token}
    job = _changed(session, update(Job).where(*held).values(**values).returning(Job))
    if job is None:
        raise Conflict(
            f"Job {job_id} has ended, or another worker goes on with it from its last checkpoint, "
            "because this one was silent for longer than its lease. Nothing was stored here, and "
            "nothing has to be done."
        )
    return job


def _changed(session: Session, change: Any) -> Job | None:
    options = {"populate_existing": True, "synchronize_session": False}
    return session.scalars(change, execution_options=options).one_or_none()


def _job(session: Session, job_id: int) -> Job:
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise Conflict(f"Job {job_id} is not in this database; load the page again.")
    return job


def _already_queued(session: Session, dedup: str) -> AlreadyQueued:
    twin = session.scalars(select(Job).where(Job.dedup == dedup, Job.status.in_(OPEN))).first()
    if twin is None:
        return AlreadyQueued("The same job ended this very moment; try again.", None)
    return AlreadyQueued(
        f"The same job is {twin.status} already: job {twin.id}; wait for it or cancel it.", twin.id
    )
