"""Runs are starred, named and put away; pinned prompts, which every version answers."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PINNED = sa.text("removed_at IS NULL")
_BY_A_PERSON = sa.text("rater_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "pins",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("prompt_id", sa.Integer(), sa.ForeignKey("prompts.id"), nullable=False),
        sa.Column("rater_id", sa.Integer(), sa.ForeignKey("raters.id")),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
    )
    op.create_index(
        "uq_pins_prompt",
        "pins",
        ["prompt_id"],
        unique=True,
        sqlite_where=_PINNED,
        postgresql_where=_PINNED,
    )
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("pin_id", sa.Integer()))
        runs.add_column(sa.Column("title", sa.String(120)))
        runs.add_column(
            sa.Column("starred", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        runs.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True)))
        runs.create_foreign_key(op.f("fk_runs_pin_id_pins"), "pins", ["pin_id"], ["id"])
        runs.create_index(op.f("ix_runs_pin_id_adapter_id"), ["pin_id", "adapter_id"])
    op.create_index(
        "ix_runs_of_people",
        "runs",
        ["id"],
        sqlite_where=_BY_A_PERSON,
        postgresql_where=_BY_A_PERSON,
    )
