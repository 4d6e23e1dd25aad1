"""Imports are rows and can be undone; prompts, runs and pairs are hidden, tagged and corrected."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BROUGHT = ("prompts", "runs", "comparisons", "votes", "scores")
_HIDEABLE = ("prompts", "runs", "comparisons")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True)


def upgrade() -> None:
    states = ("running", "done", "undone", "cancelled", "failed")
    time = sa.DateTime(timezone=True)
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("file", sa.String(255), nullable=False),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("state", _one_of("importstate", *states), nullable=False),
        sa.Column("n_records", sa.Integer(), nullable=False),
        sa.Column("n_stored", sa.Integer(), nullable=False),
        sa.Column("n_new", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("undone_at", time),
        sa.Column("undone_by", sa.String(120)),
    )
    kinds = _one_of("changekind", "text", "answer", "tags", "deleted", "restored")
    op.create_table(
        "data_changes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("about", _one_of("datakind", "prompt", "run", "pair", "vote"), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("kind", kinds, nullable=False),
        sa.Column("before", sa.String()),
        sa.Column("after", sa.String()),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("created_at", time, nullable=False),
    )
    op.create_index(op.f("ix_data_changes_about_row_id"), "data_changes", ["about", "row_id"])
    op.create_table(
        "prompt_tags",
        sa.Column("tag", sa.String(40), primary_key=True),
        sa.Column("prompt_id", sa.Integer(), sa.ForeignKey("prompts.id"), primary_key=True),
    )
    op.create_index(op.f("ix_prompt_tags_prompt_id"), "prompt_tags", ["prompt_id"])
    for table in _BROUGHT:
        with op.batch_alter_table(table) as altered:
            altered.add_column(sa.Column("import_id", sa.Integer()))
            if table in _HIDEABLE:
                altered.add_column(sa.Column("hidden_at", time))
            name = op.f(f"fk_{table}_import_id_imports")
            altered.create_foreign_key(name, "imports", ["import_id"], ["id"])
