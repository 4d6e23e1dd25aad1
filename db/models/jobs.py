"""Tables of the job queue: jobs with their leases, workers, and the metrics of jobs."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, enum_column, now


class JobKind(StrEnum):
    """What a job does; the recipe of the same name in `training.recipes` carries it out."""

    DPO = "dpo"
    MASK_SFT = "mask_sft"
    PTR_DATA = "ptr_data"
    TPO = "tpo"
    REWARD_MODEL = "reward_model"
    EVALUATE = "evaluate"
    JUDGE = "judge"
    """A judge labels a campaign."""


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    """Discarded by a person, with its checkpoints: neither listed nor resumed."""


_OPEN_JOB = text("status IN ('queued', 'running')")


class Job(Base):
    """One piece of background work and the lease of the worker that does it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "uq_jobs_dedup_open",
            "dedup",
            unique=True,
            sqlite_where=_OPEN_JOB,
            postgresql_where=_OPEN_JOB,
        ),
        Index(None, "status", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(enum_column(JobKind))
    payload: Mapped[dict[str, Any]]
    dedup: Mapped[str] = mapped_column(String(64))
    """Two jobs with the same key are never queued or running at once."""
    status: Mapped[JobStatus] = mapped_column(enum_column(JobStatus), default=JobStatus.QUEUED)
    phase: Mapped[str] = mapped_column(String(64), default="")
    """What it is doing now, in words."""
    step: Mapped[int] = mapped_column(default=0)
    n_steps: Mapped[int] = mapped_column(default=0)
    eta_s: Mapped[float | None]
    error: Mapped[str | None]
    notes: Mapped[list[dict[str, str]]] = mapped_column(
        JSON, default=list, server_default=text("'[]'")
    )
    """Messages for a person, oldest first: `{"level": "info" | "warning", "text": …}`."""
    result: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    """Counts and tables, as its recipe documents them; empty until the job is done."""
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    claim_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[float | None]
    """Seconds since 1970 on the database's clock."""
    n_claims: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Worker(Base):
    """A process that carries out jobs, and the time of its last heartbeat."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    pid: Mapped[int]
    host: Mapped[str] = mapped_column(String(255))
    seen_at: Mapped[float]
    """Seconds since 1970 on the database's clock."""


class JobMetric(Base):
    """One value of a metric at a step. A resumed job that repeats the step replaces it."""

    __tablename__ = "job_metrics"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[float]
