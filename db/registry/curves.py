"""Reads the curves of jobs: the points of every metric, in the order of the steps."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import JobMetric
from db.registry.phases import PREFIX


def of_job(
    session: Session, job_id: int, names: Collection[str] | None = None
) -> dict[str, list[tuple[int, float]]]:
    """Returns the points `(step, value)` of a job's metrics, in the order of the steps.

    They are those of `names`; without, of every metric.
    """
    points = select(JobMetric.name, JobMetric.step, JobMetric.value).where(
        JobMetric.job_id == job_id,
        ~JobMetric.name.startswith(PREFIX) if names is None else JobMetric.name.in_(names),
    )
    found: dict[str, list[tuple[int, float]]] = {}
    for name, step, value in session.execute(points.order_by(JobMetric.name, JobMetric.step)):
        found.setdefault(name, []).append((step, value))
    return found


def having(session: Session, job_ids: Collection[int], name: str) -> set[int]:
    """Returns which of the jobs have points of a metric."""
    rows = select(JobMetric.job_id).where(JobMetric.job_id.in_(job_ids), JobMetric.name == name)
    return set(session.scalars(rows.distinct()))
