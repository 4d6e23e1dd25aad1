"""Stores the heartbeats of workers."""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.models import Worker
from db.storage.dialects import clock, insert


def heartbeat(session: Session, name: str, pid: int, host: str) -> None:
    """Stores that a worker is alive, also while the queue is empty."""
    row = insert(session, Worker).values(name=name, pid=pid, host=host, seen_at=clock())
    latest = {"pid": row.excluded.pid, "host": row.excluded.host, "seen_at": row.excluded.seen_at}
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=latest))


def remove(session: Session, name: str) -> None:
    """Removes a worker that shuts down, so that nobody waits for it."""
    session.execute(delete(Worker).where(Worker.name == name))


def seconds_since_heartbeat(session: Session) -> float | None:
    """Returns the seconds since the last heartbeat of any worker; None when there is none."""
    return session.scalar(select(clock() - func.max(Worker.seen_at)))
