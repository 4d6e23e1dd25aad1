"""Stores when the phases of a job began: what its time is spent on, and how long the next may take.

They are points of the job's metrics named `phase/…`, at step 0, whose values are seconds since 1970
on the database's clock. They are of the present claim alone: a job that was interrupted goes on in
another process, which begins them anew.
"""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.models import JobMetric
from db.storage.dialects import clock, insert

PREFIX = "phase/"
STARTING = "starting"
"""The phase of a claimed job whose process has not said anything yet."""
_NAME_LENGTH = 64


def begin(session: Session, job_id: int, phase: str) -> None:
    """Stores that a phase begins now, unless it has begun already."""
    if not phase:
        return
    name = f"{PREFIX}{phase}"[:_NAME_LENGTH]
    row = insert(session, JobMetric).values(job_id=job_id, step=0, name=name, value=clock())
    session.execute(row.on_conflict_do_nothing())


def restart(session: Session, job_id: int) -> None:
    """Forgets the phases of an earlier claim; the process of this one is starting."""
    earlier = delete(JobMetric).where(JobMetric.job_id == job_id, JobMetric.name.startswith(PREFIX))
    session.execute(earlier)
    begin(session, job_id, STARTING)


def of_jobs(session: Session, job_ids: Sequence[int]) -> dict[int, list[tuple[str, float]]]:
    """Returns the phases `(name, seconds since 1970)` of each job, in the order they began."""
    found: dict[int, list[tuple[str, float]]] = {job_id: [] for job_id in job_ids}
    points = select(JobMetric).where(
        JobMetric.job_id.in_(job_ids), JobMetric.step == 0, JobMetric.name.startswith(PREFIX)
    )
    for point in session.scalars(points.order_by(JobMetric.value)):
        found[point.job_id].append((point.name.removeprefix(PREFIX), point.value))
    return found


def now(session: Session) -> float:
    """Returns the seconds since 1970 on the database's clock."""
    return session.scalars(select(clock())).one()
