"""Lists jobs page by page: what was started, by kind and state, whatever their number."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from db.models import Job, JobKind, JobStatus


def page(
    session: Session,
    *,
    kinds: Collection[JobKind] = (),
    statuses: Collection[JobStatus] = (),
    limit: int,
    offset: int = 0,
) -> Sequence[Job]:
    """Returns jobs that were not discarded, newest first; no kinds or no statuses means any."""
    rows = select(Job).where(*_listed(kinds, statuses))
    return session.scalars(rows.order_by(Job.id.desc()).limit(limit).offset(offset)).all()


def count(
    session: Session, kinds: Collection[JobKind] = (), statuses: Collection[JobStatus] = ()
) -> int:
    """Returns the number of the jobs that `page` goes through."""
    return session.scalar(select(func.count(Job.id)).where(*_listed(kinds, statuses))) or 0


def next_queued(session: Session) -> Job | None:
    """Returns the job that is claimed next."""
    waiting = select(Job).where(Job.status == JobStatus.QUEUED).order_by(Job.id)
    return session.scalars(waiting.limit(1)).first()


def last_done(
    session: Session, kind: JobKind, base_model: str, *, limit: int, before: int | None = None
) -> Sequence[Job]:
    """Returns the newest finished jobs of a kind for a base model, newest first; "" is any.

    `before` leaves out the job of that id and those that were queued after it.
    """
    conditions: list[ColumnElement[bool]] = [Job.kind == kind, Job.status == JobStatus.DONE]
    if base_model:
        conditions.append(Job.payload["base_model"].as_string() == base_model)
    if before is not None:
        conditions.append(Job.id < before)
    rows = select(Job).where(*conditions).order_by(Job.id.desc()).limit(limit)
    return session.scalars(rows).all()


def _listed(
    kinds: Collection[JobKind], statuses: Collection[JobStatus]
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Job.status != JobStatus.DISCARDED]
    if kinds:
        conditions.append(Job.kind.in_(kinds))
    if statuses:
        conditions.append(Job.status.in_(statuses))
    return conditions
