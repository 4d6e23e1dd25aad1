"""Stores invitations: a link lets somebody in, so often and until then, unless it is revoked."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import Invitation, now
from db.people.secrets import hashed, new_secret
from db.storage.errors import Conflict, Missing

BY_NAME = "invited-"
"""How the identity of somebody begins who was invited by name, before they come."""
SPENT = "This invitation is used up, revoked or too old; ask for a new one."


def issue(
    session: Session,
    role: str,
    *,
    lasts: timedelta,
    n_uses: int = 1,
    uid: str | None = None,
    name: str = "",
    by: str = "",
) -> tuple[Invitation, str]:
    """Stores an invitation. Returns it with its secret, which is not stored."""
    secret = new_secret()
    row = Invitation(
        secret_sha256=hashed(secret), role=role, uid=uid, name=name, n_uses=n_uses,
        invited_by=by, expires_at=now() + lasts,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row, secret


def find(session: Session, secret: str) -> Invitation:
    """Returns an invitation that still lets somebody in. Raises `Missing` for any other secret."""
    row = session.scalars(
        select(Invitation).where(Invitation.secret_sha256 == hashed(secret))
    ).one_or_none()
    if row is None or not is_open(row):
        raise Missing(SPENT)
    return row


def use(session: Session, invitation: Invitation) -> None:
    """Counts one use, however many come at once. Raises `Conflict` when none is left."""
    used = (
        update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.n_used < Invitation.n_uses)
        .where(Invitation.revoked_at.is_(None))
        .values(n_used=Invitation.n_used + 1)
        .returning(Invitation.id)
    )
    if session.scalars(used).one_or_none() is None:
        raise Conflict(SPENT)


def revoke(session: Session, invitation_id: int) -> None:
    """Ends an invitation. Raises `Missing`."""
    row = session.get(Invitation, invitation_id)
    if row is None:
        raise Missing(f"There is no invitation {invitation_id}; load the page again.")
    row.revoked_at = row.revoked_at or now()
    session.flush()


def revoke_by(session: Session, by: str) -> None:
    """Ends every invitation that somebody made."""
    still = update(Invitation).where(Invitation.invited_by == by, Invitation.revoked_at.is_(None))
    session.execute(still.values(revoked_at=now()))


def revoke_for(session: Session, uid: str) -> None:
    """Ends every invitation that lets in as this person."""
    still = update(Invitation).where(Invitation.uid == uid, Invitation.revoked_at.is_(None))
    session.execute(still.values(revoked_at=now()))


def is_open(row: Invitation) -> bool:
    """Returns whether an invitation still lets somebody in."""
    return row.revoked_at is None and row.n_used < row.n_uses and now() < row.expires_at


def listing(session: Session) -> list[Invitation]:
    """Returns the invitations that still let somebody in, the newest first."""
    rows = select(Invitation).where(
        Invitation.revoked_at.is_(None), Invitation.n_used < Invitation.n_uses
    )
    return [row for row in session.scalars(rows.order_by(Invitation.id.desc())) if is_open(row)]
