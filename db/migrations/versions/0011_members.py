"""People are members with a role, browsers are signed in and out, and links and tokens are revoked.

Links and tokens of before were signed and nowhere stored, so they let nobody in any more.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ROLES = "role IN ('admin', 'annotator', 'viewer', 'judge')"


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "members",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("uid", 120),
        _text("role", 16),
        _text("password", 255, nullable=True),
        _text("hub_id", 64, nullable=True),
        _text("hub_name", 120, nullable=True),
        _time("created_at"),
        _time("seen_at"),
        _time("removed_at", nullable=True),
        sa.CheckConstraint(_ROLES, name="role"),
        sa.UniqueConstraint("uid", name="uq_members_uid"),
        sa.UniqueConstraint("hub_id", name="uq_members_hub_id"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("secret_sha256", 64),
        sa.Column("member_id", sa.Integer(), sa.ForeignKey("members.id"), nullable=False),
        _text("browser", 120),
        _time("created_at"),
        _time("seen_at"),
        _time("ended_at", nullable=True),
        sa.UniqueConstraint("secret_sha256", name="uq_sign_ins_secret_sha256"),
    )
    op.create_index(op.f("ix_sign_ins_member_id"), "sign_ins", ["member_id"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("secret_sha256", 64),
        _text("role", 16),
        _text("uid", 120, nullable=True),
        _text("name", 120),
        sa.Column("n_uses", sa.Integer(), nullable=False),
        sa.Column("n_used", sa.Integer(), nullable=False),
        _text("invited_by", 120),
        _time("expires_at"),
        _time("created_at"),
        _time("revoked_at", nullable=True),
        sa.CheckConstraint(_ROLES, name="role"),
        sa.CheckConstraint("n_used BETWEEN 0 AND n_uses", name="uses"),
        sa.UniqueConstraint("secret_sha256", name="uq_invitations_secret_sha256"),
    )
    op.create_table(
        "program_tokens",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("secret_sha256", 64),
        _text("uid", 120),
        _text("name", 120),
        _text("role", 16),
        _text("made_by", 120),
        _time("created_at"),
        _time("seen_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.CheckConstraint(_ROLES, name="role"),
        sa.UniqueConstraint("secret_sha256", name="uq_program_tokens_secret_sha256"),
    )
