"""Tables of the policy's versions: data snapshots and adapters."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.models.base import Base, enum_column, now


class AdapterStatus(StrEnum):
    READY = "ready"
    """Written and registered; not yet loaded by an engine."""
    ACTIVE = "active"
    RETIRED = "retired"
    REJECTED = "rejected"


class Snapshot(Base):
    """The training data of one job: a file and the hash of its content."""

    __tablename__ = "snapshots"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), unique=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    path: Mapped[str]
    highest_vote_id: Mapped[int]
    n_rows: Mapped[int]
    manifest: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Adapter(Base):
    """One trained version of the policy. Names are never used again; at most one is active."""

    __tablename__ = "adapters"
    __table_args__ = (
        Index(
            "uq_adapters_one_active",
            "status",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), unique=True)
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.id"))
    base_model: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[AdapterStatus] = mapped_column(enum_column(AdapterStatus))
    reason: Mapped[str | None]
    """Why it was rejected, or why it could not be served when that was tried last."""
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    title: Mapped[str | None] = mapped_column(String(80))
    """What people call it, if they do."""
    note: Mapped[str | None]
    """What a person wants remembered of it."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    activated_at: Mapped[datetime | None]

    parent: Mapped["Adapter | None"] = relationship(remote_side=[id])
    snapshot: Mapped[Snapshot | None] = relationship()

    @property
    def n_learnt(self) -> int | None:
        """How many examples it was trained on, those held out of it included; None is unknown.

        Of the frozen ones those are left out that the model cannot read whole; versions made before
        that was kept have all of them. What was replayed beside them teaches nothing new, and is
        not among them.
        """
        frozen = self.snapshot.n_rows if self.snapshot else None
        learnt = self.metrics.get("n_learnt", frozen)
        found = learnt if isinstance(learnt, int) else frozen
        return None if found is None else max(0, found - self.n_replayed)

    @property
    def n_replayed(self) -> int:
        """How many first rounds were replayed beside them, so that those stay as they were."""
        counts = self.metrics.get("counts")
        replayed = counts.get("replay", 0) if isinstance(counts, dict) else 0
        return replayed if isinstance(replayed, int) else 0

    @property
    def left_out(self) -> dict[str, int]:
        """Rows that it was not trained on, or not whole, by reason."""
        reasons = self.metrics.get("dropped")
        return dict(reasons) if isinstance(reasons, dict) else {}

    @property
    def is_unavailable(self) -> bool:
        """Whether it could not be served when it was tried last, and may be another time.

        A whole model is retired with a reason too, and was never active: it is served otherwise.
        """
        tried = self.status is AdapterStatus.READY or self.activated_at is not None
        waits = self.status in (AdapterStatus.READY, AdapterStatus.RETIRED)
        return self.reason is not None and tried and waits
