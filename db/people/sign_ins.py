"""Stores the browsers that members are signed in with; any of them can be signed out.

A sign-in has no expiry of its own clock: what ends it is a row, so a clock that jumps ends none.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.orm import Session

from db.models import Member, Rater, RaterKind, SignIn, now
from db.people.secrets import hashed, new_secret
from db.storage.errors import Missing


class SignedBrowser(NamedTuple):
    """A browser that is signed in, and the member whose it is."""

    id: int
    member_id: int
    seen_at: datetime
    uid: str
    role: str
    rater_name: str | None
    """What she is called as a rater; None for who has not rated."""
    rater_id: int | None
    rater_kind: RaterKind | None


# Built once, and it reads columns: every request asks it.
_KNOWN = (
    select(
        *(SignIn.id, SignIn.member_id, SignIn.seen_at, Member.uid, Member.role),
        *(Rater.name, Rater.id, Rater.kind),
    )
    .join(Member, Member.id == SignIn.member_id)
    .outerjoin(Rater, Rater.uid == Member.uid)
    .where(
        SignIn.secret_sha256 == bindparam("hashed"),
        SignIn.ended_at.is_(None),
        Member.removed_at.is_(None),
    )
)


def begin(session: Session, member: Member, browser: str = "", secret: str = "") -> str:
    """Signs a browser in. Returns the secret for its cookie, a new one unless it has one."""
    secret = secret or new_secret()
    session.add(SignIn(secret_sha256=hashed(secret), member_id=member.id, browser=browser[:120]))
    session.flush()
    return secret


def find(session: Session, secret: str) -> SignIn | None:
    """Returns the sign-in of a cookie, ended or not; None where there never was one."""
    return session.scalars(
        select(SignIn).where(SignIn.secret_sha256 == hashed(secret))
    ).one_or_none()


def known(connection: Connection, secret: str) -> SignedBrowser | None:
    """Returns who is signed in with a cookie; None where nobody is any more, or was removed."""
    row = connection.execute(_KNOWN, {"hashed": hashed(secret)}).one_or_none()
    return None if row is None else SignedBrowser(*row)


def end(session: Session, sign_in_id: int) -> None:
    """Signs one browser out. Raises `Missing`."""
    row = session.get(SignIn, sign_in_id)
    if row is None or row.ended_at is not None:
        raise Missing(f"There is no sign-in {sign_in_id}; load the page again.")
    row.ended_at = now()
    session.flush()


def end_all(session: Session, member_id: int, *, but: int | None = None) -> None:
    """Signs every browser of a member out, except for one."""
    ended = update(SignIn).where(SignIn.member_id == member_id, SignIn.ended_at.is_(None))
    session.execute(ended.where(SignIn.id != (but or 0)).values(ended_at=now()))


def listing(session: Session, member_id: int | None = None) -> list[SignIn]:
    """Returns the browsers that are signed in, of one member or of all, the latest seen first."""
    rows = select(SignIn).where(SignIn.ended_at.is_(None))
    if member_id is not None:
        rows = rows.where(SignIn.member_id == member_id)
    return list(session.scalars(rows.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))
