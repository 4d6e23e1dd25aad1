"""The workers that carry out jobs: when each was last heard of."""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.models import Worker
from db.storage.dialects import clock, insert


def seen(session: Session, name: str, pid: int, host: str) -> None:
    """A worker says that it lives, also while the queue is empty."""
    row = insert(session, Worker).values(name=name, pid=pid, host=host, seen_at=clock())
    latest = {"pid": row.excluded.pid, "host": row.excluded.host, "seen_at": row.excluded.seen_at}
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=latest))


def gone(session: Session, name: str) -> None:
    """A worker ends in good order: nobody is to wait for it."""
    session.execute(delete(Worker).where(Worker.name == name))


def last_seen(session: Session) -> float | None:
    """Seconds since any worker was heard of; None when there never was one."""
    return session.scalar(select(clock() - func.max(Worker.seen_at)))
