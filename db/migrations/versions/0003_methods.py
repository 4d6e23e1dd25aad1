"""The two methods as jobs: four kinds more, what a job found, whose runs are a job's, scores."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KIND = "kind IN ('dpo', 'mask_sft', 'ptr_data', 'tpo', 'reward_model', 'evaluate')"


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("result", sa.JSON(), server_default="{}", nullable=False))
        jobs.drop_constraint(op.f("ck_jobs_jobkind"), type_="check")
        jobs.create_check_constraint(op.f("ck_jobs_jobkind"), sa.text(KIND))
        jobs.alter_column("kind", existing_type=sa.String(8), type_=sa.String(12))
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("job_id", sa.Integer(), nullable=True))
        runs.create_foreign_key(op.f("fk_runs_job_id_jobs"), "jobs", ["job_id"], ["id"])
        runs.create_index(op.f("ix_runs_job_id"), ["job_id"])
    op.create_table(
        "scores",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name="fk_scores_round_id_rounds"),
        sa.ForeignKeyConstraint(["rater_id"], ["raters.id"], name="fk_scores_rater_id_raters"),
        sa.PrimaryKeyConstraint("round_id", "rater_id", name="pk_scores"),
    )
