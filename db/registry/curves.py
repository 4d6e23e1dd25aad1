"""Reads the curves of jobs: the points of every metric, in the order of the steps."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import JobMetric
from db.registry.phases import PREFIX


def of_job(session: Session, job_id: int) -> dict[str, list[tuple[int, float]]]:
    """Returns the points `(step, value)` of every metric of a job, in the order of the steps."""
    measured = (JobMetric.job_id == job_id, ~JobMetric.name.startswith(PREFIX))
    points = select(JobMetric).where(*measured)
    found: dict[str, list[tuple[int, float]]] = {}
    for point in session.scalars(points.order_by(JobMetric.name, JobMetric.step)):
        found.setdefault(point.name, []).append((point.step, point.value))
    return found


def having(session: Session, job_ids: Collection[int], name: str) -> set[int]:
    """Returns which of the jobs have points of a metric."""
    rows = select(JobMetric.job_id).where(JobMetric.job_id.in_(job_ids), JobMetric.name == name)
    return set(session.scalars(rows.distinct()))
