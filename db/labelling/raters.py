"""Stores raters: people, judges and imported files, each under a unique name."""

from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from db.models import (
    Rater,
    RaterKind,
)
from db.storage.dialects import insert
from db.storage.errors import Conflict

_NAMED = select(Rater).where(Rater.name == bindparam("name"))
_LOCKED = select(Rater).where(Rater.id == bindparam("rater_id")).with_for_update(key_share=True)


def ensure_rater(
    session: Session, kind: RaterKind, name: str, config: dict[str, Any] | None = None
) -> Rater:
    """Return the rater of this name, stored now if new. Raises `Conflict` if it is another kind."""
    rater = find_rater(session, name)
    if rater is None:
        row = insert(session, Rater).values(kind=kind, name=name, config=config or {})
        session.execute(row.on_conflict_do_nothing())
        rater = session.scalars(_NAMED, {"name": name}).one()
    if rater.kind is not kind:
        raise Conflict(f"{name!r} is the name of a {rater.kind} already; choose another name.")
    return rater


def find_rater(session: Session, name: str) -> Rater | None:
    """Returns the rater of this name, None where there is none."""
    return session.scalars(_NAMED, {"name": name}).one_or_none()


def rename_rater(session: Session, name: str, wanted: str) -> None:
    """Renames a rater; one who has not rated yet has no row to rename.

    Raises `Conflict` when somebody has that name.
    """
    if session.scalar(select(Rater.id).where(Rater.name == wanted)) is not None:
        raise Conflict(
            f"There is a rater {wanted!r} already. If that is you, ask for an invitation with your "
            "name; else choose another one."
        )
    session.execute(update(Rater).where(Rater.name == name).values(name=wanted))


def lock_rater(session: Session, rater_id: int) -> Rater:
    """Returns the rater, locked to the end of the transaction against a second tab of the rater.

    SQLite has one writer at a time, so loading the row is enough there.
    """
    if session.get_bind().dialect.name == "sqlite":
        rater = session.get(Rater, rater_id)
    else:
        rater = session.scalars(_LOCKED, {"rater_id": rater_id}).one_or_none()
    if rater is None:
        raise Conflict(f"Rater {rater_id} is not in this database; sign in again.")
    return rater
