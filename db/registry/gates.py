"""Stores the gate of each finished version: whether it may serve by itself, and why not."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.models import Gate, GateState, now


def of(session: Session, adapter_id: int) -> Gate | None:
    return session.get(Gate, adapter_id)


def measured_by(session: Session, job_id: int) -> Gate | None:
    """Returns the gate that decides by this evaluation."""
    return session.scalars(select(Gate).where(Gate.job_id == job_id).limit(1)).one_or_none()


def measure(session: Session, adapter_id: int, against_id: int | None, job_id: int) -> Gate:
    """Stores that a job measures the version against another one; an earlier decision is undone."""
    gate = session.get(Gate, adapter_id) or Gate(adapter_id=adapter_id)
    gate.against_id = against_id
    gate.job_id = job_id
    gate.state = GateState.MEASURING
    gate.verdict, gate.result, gate.decided_at = "", {}, None
    session.add(gate)
    session.flush()
    return gate


def decide(
    session: Session, adapter_id: int, state: GateState, verdict: str, result: dict[str, Any]
) -> Gate:
    """Stores a decision with its reason in words."""
    gate = session.get(Gate, adapter_id) or Gate(adapter_id=adapter_id)
    gate.state = state
    gate.verdict, gate.result, gate.decided_at = verdict, result, now()
    session.add(gate)
    session.flush()
    return gate


def overrule(session: Session, adapter_id: int, by: str, reason: str) -> Gate:
    """Stores that a person serves the version although it has not passed, and why."""
    gate = session.get(Gate, adapter_id) or Gate(adapter_id=adapter_id)
    gate.state = GateState.OVERRULED
    gate.overruled_by, gate.overruled_reason, gate.decided_at = by, reason, now()
    session.add(gate)
    session.flush()
    return gate


def forget(session: Session, adapter_id: int) -> None:
    """Deletes a decision, so that the version is measured again."""
    session.execute(delete(Gate).where(Gate.adapter_id == adapter_id))


def of_all(session: Session, adapter_ids: list[int]) -> dict[int, Gate]:
    """Returns the gates of these versions, by version."""
    rows = session.scalars(select(Gate).where(Gate.adapter_id.in_(adapter_ids)))
    return {row.adapter_id: row for row in rows}
