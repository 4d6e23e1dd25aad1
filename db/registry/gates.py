"""Stores the gate of each finished version: whether it may serve by itself, and why not."""

from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from db.models import Adapter, AdapterStatus, Gate, GateState, now


def of(session: Session, adapter_id: int) -> Gate | None:
    return session.get(Gate, adapter_id)


def undecided(session: Session, *, serves: bool) -> list[tuple[int, str]]:
    """Returns ids and names of the ready versions on which something is to be done, oldest first.

    Nothing is where one waits for a person, or where one has passed beside the version that answers
    and nobody `serves` what passes. One that answered before needs no gate.
    """
    active = select(Adapter.id).where(Adapter.status == AdapterStatus.ACTIVE).scalar_subquery()
    waits = Gate.state == GateState.WAITS
    if not serves:
        timely = Gate.against_id.is_not_distinct_from(active)
        waits |= and_(Gate.state == GateState.PASSED, timely)
    rows = select(Adapter.id, Adapter.name).outerjoin(Gate, Gate.adapter_id == Adapter.id)
    to_do = or_(Adapter.activated_at.is_not(None), Gate.state.is_(None), ~waits)
    rows = rows.where(Adapter.status == AdapterStatus.READY, to_do)
    return [(row.id, row.name) for row in session.execute(rows.order_by(Adapter.id))]


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
