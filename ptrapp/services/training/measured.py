"""What became of the version that a job made: how the gate measured it, and whether it serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from db.models import Adapter, Gate, GateState, Job, JobKind
from db.registry import adapters, gates
from db.storage.session import Session
from ptrapp.core.settings import Settings
from ptrapp.services.gate import too_few
from ptrapp.services.training.progress import JobProgress, read_progress

Serving = Literal["now", "before", "never"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The evaluation by which the gate decides."""

    job_id: int
    status: str
    progress: JobProgress
    took_s: float | None
    """Seconds from its start to its end; None before that."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MadeVersion:
    """A version that a job made, and what the gate and people decided on it."""

    name: str
    status: str
    against: str
    """The version that answered when it was measured, or that answers now; `base` is the model."""
    measurement: Measurement | None
    gate: str
    """measuring, passed, waits, overruled; empty before the gate has looked."""
    verdict: str
    """Why the gate decided so."""
    decided_at: datetime | None
    by: str
    """Who served it although it had not passed; empty where nobody did."""
    reason: str
    """Why that person did."""
    serving: Serving
    served_at: datetime | None
    """When it was served last."""
    serves_by_itself: bool
    """Whether a version that passes is served without a person."""
    too_few: str
    """Why it waits for a person however it is measured; empty where it learnt from enough."""
    n_learnt: int | None = None
    """How many examples it was trained on; None is unknown."""
    n_replayed: int = 0
    """First rounds that were replayed beside them."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows that it was not trained on, or not whole, by reason."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What its training stored: counts, and the values of the last step by their names."""


def read_made(session: Session, settings: Settings, made: Adapter) -> MadeVersion:
    """Returns what became of a version."""
    gate = gates.of(session, made.id)
    active = adapters.active(session)
    serves = active is not None and active.id == made.id
    before: Serving = "before" if made.activated_at else "never"
    return MadeVersion(
        name=made.name,
        status="unavailable" if made.is_unavailable else made.status.value,
        against=_against(session, gate, active, made),
        measurement=_measurement(session, gate),
        gate=gate.state.value if gate else "",
        verdict=gate.verdict if gate else "",
        decided_at=gate.decided_at if gate else None,
        by=(gate.overruled_by if gate else None) or "",
        reason=(gate.overruled_reason if gate else None) or "",
        serving="now" if serves else before,
        served_at=made.activated_at,
        serves_by_itself=settings.auto_activate,
        too_few=too_few(settings, made.n_learnt),
        n_learnt=made.n_learnt,
        n_replayed=made.n_replayed,
        left_out=made.left_out,
        metrics=made.metrics,
    )


def measuring(session: Session, job: Job) -> Job | None:
    """Returns the evaluation that measures, at this moment, the version that a job made."""
    made = adapters.made_by(session, [job.id]).get(job.id)
    gate = gates.of(session, made.id) if made else None
    if gate is None or gate.job_id is None or gate.state is not GateState.MEASURING:
        return None
    return session.get(Job, gate.job_id)


def measured_by(session: Session, job: Job) -> Adapter | None:
    """Returns the version on which the gate decides by this evaluation."""
    if job.kind is not JobKind.EVALUATE:
        return None
    gate = gates.measured_by(session, job.id)
    return session.get(Adapter, gate.adapter_id) if gate else None


def _measurement(session: Session, gate: Gate | None) -> Measurement | None:
    job = session.get(Job, gate.job_id) if gate and gate.job_id else None
    if job is None:
        return None
    ended = job.started_at and job.finished_at
    took_s = (job.finished_at - job.started_at).total_seconds() if ended else None  # type: ignore[operator]
    return Measurement(
        job.id, job.status.value, read_progress(session, job), took_s, job.finished_at
    )


def _against(session: Session, gate: Gate | None, active: Adapter | None, made: Adapter) -> str:
    if gate is not None:
        row = session.get(Adapter, gate.against_id) if gate.against_id else None
        return row.name if row else "base"
    return active.name if active and active.id != made.id else "base"
