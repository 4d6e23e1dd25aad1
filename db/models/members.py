"""Tables of who may come in: members, the browsers they signed in, invitations, programs' tokens.

Secrets are stored as SHA-256 of 32 random bytes, which nobody guesses; passwords by argon2.
"""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.models.base import Base, now

_ROLES = "role IN ('admin', 'annotator', 'viewer', 'judge')"


class Member(Base):
    """A person who was let in, with a role; who she is as a rater is `uid`."""

    __tablename__ = "members"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(120), unique=True)
    """Her identity as a rater, whose row may come later: `raters.uid`."""
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str | None] = mapped_column(String(255))
    """Argon2's hash; NULL for who signs in by a link or with Hugging Face."""
    hub_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Her id at Hugging Face, which stays when she is renamed there."""
    hub_name: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None]
    """Set once she was removed: her votes stay, and nothing lets her in any more."""


class SignIn(Base):
    """A browser that a member is signed in with, until she or an admin ends it."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    browser: Mapped[str] = mapped_column(String(120), default="")
    """What the browser calls itself, shortened."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]

    member: Mapped[Member] = relationship(lazy="joined")


class Invitation(Base):
    """A link that lets somebody in, so often and until then, unless it is revoked."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint(_ROLES, name="role"),
        CheckConstraint("n_used BETWEEN 0 AND n_uses", name="uses"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    uid: Mapped[str | None] = mapped_column(String(120))
    """Who is invited; NULL lets the person choose a name."""
    name: Mapped[str] = mapped_column(String(120), default="")
    n_uses: Mapped[int] = mapped_column(default=1)
    n_used: Mapped[int] = mapped_column(default=0)
    invited_by: Mapped[str] = mapped_column(String(120), default="")
    """The identity of who made it; empty for the program's own set-up link."""
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]


class ProgramToken(Base):
    """What a program sends as Bearer; it was shown once."""

    __tablename__ = "program_tokens"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    uid: Mapped[str] = mapped_column(String(120))
    """The rater under whom the program votes."""
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(16))
    made_by: Mapped[str] = mapped_column(String(120), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Used(Base):
    """What counts against a bound for a while: a wrong password, an upload."""

    __tablename__ = "used"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), index=True)
    """Of whose bound it is, hashed: people type passwords where their names belong."""
    amount: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[float]
    """When it is forgotten, in seconds since 1970 on the database's clock, which all apps share."""
