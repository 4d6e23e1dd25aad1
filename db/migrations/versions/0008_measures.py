"""Versions have names people give them, a gate before they serve, and measures that can be paged.

An evaluation's job and control are read off its setting, which ends with them: "…, refine, job 12".
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _adapter(name: str, *, primary: bool = False, nullable: bool = True) -> sa.Column[int]:
    foreign = sa.ForeignKey("adapters.id")
    return sa.Column(name, sa.Integer(), foreign, primary_key=primary, nullable=nullable)


def upgrade() -> None:
    op.add_column("adapters", sa.Column("title", sa.String(80)))
    op.add_column("adapters", sa.Column("note", sa.String()))
    _extend_evaluations()
    op.create_table(
        "judged_win_rates",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("job_id", sa.Integer(), sa.ForeignKey("jobs.id"), nullable=False),
        _adapter("adapter_id"),
        _adapter("against_id"),
        sa.Column("round_index", sa.Integer(), nullable=False),
        sa.Column("against_round_index", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("judge", sa.String(255), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("low <= value AND value <= high", name="interval"),
        sa.CheckConstraint("n > 0", name="n"),
    )
    for column in ("job_id", "adapter_id"):
        op.create_index(op.f(f"ix_judged_win_rates_{column}"), "judged_win_rates", [column])
    states = ("measuring", "passed", "waits", "overruled")
    state = sa.Enum(*states, name="gatestate", native_enum=False, create_constraint=True)
    op.create_table(
        "gates",
        _adapter("adapter_id", primary=True, nullable=False),
        _adapter("against_id"),
        sa.Column("job_id", sa.Integer(), sa.ForeignKey("jobs.id")),
        sa.Column("state", state, nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("overruled_by", sa.String(120)),
        sa.Column("overruled_reason", sa.String()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "state <> 'overruled' OR (overruled_by IS NOT NULL AND overruled_reason <> '')",
            name="reason_kept",
        ),
    )


def _extend_evaluations() -> None:
    with op.batch_alter_table("evaluations") as evaluations:
        evaluations.add_column(sa.Column("job_id", sa.Integer()))
        evaluations.add_column(sa.Column("control", sa.String(32)))
        evaluations.add_column(sa.Column("thought_tokens", sa.Double()))
        evaluations.add_column(sa.Column("response_tokens", sa.Double()))
        evaluations.add_column(sa.Column("thought_tokens_sd", sa.Double()))
        evaluations.add_column(sa.Column("response_tokens_sd", sa.Double()))
        evaluations.add_column(sa.Column("n_fixed", sa.Integer()))
        evaluations.add_column(sa.Column("n_broken", sa.Integer()))
        evaluations.create_foreign_key(
            op.f("fk_evaluations_job_id_jobs"), "jobs", ["job_id"], ["id"]
        )
        evaluations.create_index(op.f("ix_evaluations_job_id"), ["job_id"])
    connection = op.get_bind()
    jobs = {row.id for row in connection.execute(sa.text("SELECT id FROM jobs"))}
    for row in connection.execute(sa.text("SELECT id, setting FROM evaluations")).all():
        control, _, number = str(row.setting).rpartition(", job ")
        control = control.rpartition(", ")[2]
        if number.isdecimal() and int(number) in jobs:
            known = {"id": row.id, "job": int(number), "control": control[:32]}
            connection.execute(
                sa.text("UPDATE evaluations SET job_id = :job, control = :control WHERE id = :id"),
                known,
            )
