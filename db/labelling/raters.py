"""Stores raters: people, judges and imported files, each under a unique name."""

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.models import (
    Rater,
    RaterKind,
)
from db.storage.dialects import insert
from db.storage.errors import Conflict

_NAMED = select(Rater).where(Rater.name == bindparam("name"))
_IDENTIFIED = select(Rater).where(Rater.uid == bindparam("uid"))
_KNOWN = select(Rater.id, Rater.kind).where(Rater.uid == bindparam("uid"))
_HELD = select(Rater.id).where(Rater.id == bindparam("rater_id")).with_for_update(key_share=True)


def ensure_rater(
    session: Session, kind: RaterKind, name: str, config: dict[str, Any] | None = None
) -> Rater:
    """Returns the judge or imported rater of this name, stored now if new.

    People have an identity besides their name: see `ensure_person`. Raises `Conflict` if the name
    is another kind's.
    """
    rater = find_rater(session, name)
    if rater is None:
        row = insert(session, Rater).values(
            kind=kind, uid=uuid4().hex, name=name, config=config or {}
        )
        session.execute(row.on_conflict_do_nothing())
        rater = session.scalars(_NAMED, {"name": name}).one()
    return _of_kind(rater, kind)


def find_rater(session: Session, name: str) -> Rater | None:
    """Returns the rater of this name, None where there is none."""
    return session.scalars(_NAMED, {"name": name}).one_or_none()


def ensure_person(session: Session, kind: RaterKind, uid: str) -> Rater:
    """Returns the rater of this identity, stored now if new and called like it until renamed."""
    rater = find_person(session, uid)
    if rater is None:
        name = uid if find_named(session, uid) is None else f"{uid[:100]}-{uuid4().hex[:8]}"
        row = insert(session, Rater).values(kind=kind, uid=uid, name=name, config={})
        session.execute(row.on_conflict_do_nothing())
        rater = session.scalars(_IDENTIFIED, {"uid": uid}).one()
    return _of_kind(rater, kind)


def person_id(session: Session, kind: RaterKind, uid: str) -> int:
    """Returns the id of the rater of this identity, stored now if new, as `ensure_person` does."""
    known = session.connection().execute(_KNOWN, {"uid": uid}).one_or_none()
    if known is None or known.kind is not kind:
        return ensure_person(session, kind, uid).id
    return int(known.id)


def find_person(session: Session, uid: str) -> Rater | None:
    """Returns the rater of this identity, None for who has not rated yet and has no name."""
    return session.scalars(_IDENTIFIED, {"uid": uid}).one_or_none()


def find_named(session: Session, name: str) -> Rater | None:
    """Returns the rater who has this name, in capitals or not; None where nobody has.

    Names are compared here, because SQLite's `lower` knows ASCII alone.
    """
    for rater in session.scalars(select(Rater).order_by(Rater.id)):
        if rater.name.casefold() == name.casefold():
            return rater
    return None


def rename_rater(session: Session, rater: Rater, wanted: str) -> None:
    """Renames a rater. Raises `Conflict` when somebody else has that name, in capitals or not."""
    other = find_named(session, wanted)
    if other is not None and other.id != rater.id:
        raise Conflict(
            f"There is a rater {wanted!r} already. If that is you, ask for an invitation to your "
            "name for another browser; else choose another one."
        )
    rater.name = wanted
    session.flush()


def _of_kind(rater: Rater, kind: RaterKind) -> Rater:
    if rater.kind is not kind:
        raise Conflict(f"{rater.name!r} is the name of a {rater.kind} already; choose another.")
    return rater


def hold_rater(session: Session, rater_id: int) -> None:
    """Locks a rater to the end of the transaction against a second tab of the rater.

    SQLite has one writer at a time, so nothing needs to be locked there.
    """
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        connection.execute(_HELD, {"rater_id": rater_id})


def lock_rater(session: Session, rater_id: int) -> Rater:
    """Returns the rater, locked as by `hold_rater`. Raises `Conflict` for one who is not stored."""
    hold_rater(session, rater_id)
    rater = session.get(Rater, rater_id)
    if rater is None:
        raise unknown_rater(rater_id)
    return rater


def unknown_rater(rater_id: int) -> Conflict:
    """Returns the error for a rater whose row is not there."""
    return Conflict(f"Rater {rater_id} is not in this database; sign in again.")


def called(session: Session, rater_ids: Collection[int]) -> dict[int, tuple[str, RaterKind]]:
    """Returns the names and kinds of raters by id."""
    rows = select(Rater.id, Rater.name, Rater.kind).where(Rater.id.in_(rater_ids))
    return {id_: (name, kind) for id_, name, kind in session.execute(rows).tuples()}
