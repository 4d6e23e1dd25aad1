"""Stores programs' tokens: shown once, hashed, good until they are revoked."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import ProgramToken, now
from db.people.secrets import hashed, new_secret
from db.storage.errors import Missing

PREFIX = "thrice_"
"""Begins every token, so that whoever finds one in a file knows what it is."""


def issue(session: Session, role: str, uid: str, name: str, by: str = "") -> tuple[int, str]:
    """Stores a token. Returns its id and the token itself, which is not stored."""
    token = PREFIX + new_secret()
    row = ProgramToken(secret_sha256=hashed(token), uid=uid, name=name, role=role, made_by=by)
    session.add(row)
    session.flush()
    return row.id, token


def find(session: Session, token: str) -> ProgramToken | None:
    """Returns the row of a token that was not revoked, else None."""
    found = select(ProgramToken).where(
        ProgramToken.secret_sha256 == hashed(token), ProgramToken.revoked_at.is_(None)
    )
    return session.scalars(found).one_or_none()


def saw(session: Session, token_id: int, at: datetime) -> None:
    """Notes when a token was used."""
    session.execute(update(ProgramToken).where(ProgramToken.id == token_id).values(seen_at=at))


def revoke(session: Session, token_id: int) -> ProgramToken:
    """Ends a token. Returns its row. Raises `Missing`."""
    row = session.get(ProgramToken, token_id)
    if row is None or row.revoked_at is not None:
        raise Missing(f"There is no token {token_id}; load the page again.")
    row.revoked_at = now()
    session.flush()
    return row


def revoke_by(session: Session, by: str) -> set[str]:
    """Ends every token that somebody made. Returns the identities of their programs."""
    still = update(ProgramToken).where(
        ProgramToken.made_by == by, ProgramToken.revoked_at.is_(None)
    )
    return set(session.scalars(still.values(revoked_at=now()).returning(ProgramToken.uid)))


def revoke_as(session: Session, uid: str) -> None:
    """Ends every token that acts as this rater."""
    still = update(ProgramToken).where(ProgramToken.uid == uid, ProgramToken.revoked_at.is_(None))
    session.execute(still.values(revoked_at=now()))


def listing(session: Session) -> list[ProgramToken]:
    """Returns the tokens that were not revoked, the newest first."""
    rows = select(ProgramToken).where(ProgramToken.revoked_at.is_(None))
    return list(session.scalars(rows.order_by(ProgramToken.id.desc())))
