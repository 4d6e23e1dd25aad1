"""The first schema: prompts, rounds, votes, the queue and the registry of adapters."""

import sqlalchemy as sa
from alembic import op

from db.storage import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True)


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            _one_of("jobkind", "dpo", "mask_sft"),
            nullable=False,
        ),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("dedup", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            _one_of("jobstatus", "queued", "running", "done", "failed", "cancelled"),
            nullable=False,
        ),
        sa.Column("phase", sa.String(length=64), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("n_steps", sa.Integer(), nullable=False),
        sa.Column("eta_s", sa.Double(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("claim_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("n_claims", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_status_id"), "jobs", ["status", "id"])
    op.create_index(
        "uq_jobs_dedup_open",
        "jobs",
        ["dedup"],
        unique=True,
        sqlite_where=sa.text("status IN ('queued', 'running')"),
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )

    op.create_table(
        "prompts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=True),
        sa.Column("reference_answer", sa.String(), nullable=True),
        sa.Column("task", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column(
            "partition",
            _one_of("partition", "train", "eval"),
            nullable=False,
        ),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        sa.UniqueConstraint("sha256", name=op.f("uq_prompts_sha256")),
    )
    op.create_table(
        "raters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            _one_of("raterkind", "human", "judge"),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raters")),
        sa.UniqueConstraint("name", name=op.f("uq_raters_name")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "job_metrics",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_metrics_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", "step", "name", name=op.f("pk_job_metrics")),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("highest_vote_id", sa.Integer(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_snapshots_job_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("job_id", name=op.f("uq_snapshots_job_id")),
    )
    op.create_index(op.f("ix_snapshots_sha256"), "snapshots", ["sha256"])

    op.create_table(
        "adapters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("snapshot_id", sa.Integer(), nullable=True),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            _one_of("adapterstatus", "ready", "active", "retired", "rejected"),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_adapters_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["adapters.id"], name=op.f("fk_adapters_parent_id_adapters")
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshots.id"], name=op.f("fk_adapters_snapshot_id_snapshots")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapters")),
        sa.UniqueConstraint("job_id", name=op.f("uq_adapters_job_id")),
        sa.UniqueConstraint("name", name=op.f("uq_adapters_name")),
    )
    op.create_index(
        "uq_adapters_one_active",
        "adapters",
        ["status"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )

    op.create_table(
        "evaluations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("adapter_id", sa.Integer(), nullable=True),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("round_index", sa.Integer(), nullable=False),
        sa.Column("setting", sa.String(length=120), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("n_correct", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("n_correct BETWEEN 0 AND n", name=op.f("ck_evaluations_n_correct")),
        sa.ForeignKeyConstraint(
            ["adapter_id"], ["adapters.id"], name=op.f("fk_evaluations_adapter_id_adapters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
    )
    op.create_index(op.f("ix_evaluations_adapter_id"), "evaluations", ["adapter_id"])

    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=True),
        sa.Column("adapter_id", sa.Integer(), nullable=True),
        sa.Column(
            "mode",
            _one_of("runmode", "refine", "sample", "job"),
            nullable=False,
        ),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column(
            "state",
            _one_of("runstate", "running", "done", "stopped", "failed"),
            nullable=False,
        ),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter_id"], ["adapters.id"], name=op.f("fk_runs_adapter_id_adapters")
        ),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name=op.f("fk_runs_prompt_id_prompts")
        ),
        sa.ForeignKeyConstraint(["rater_id"], ["raters.id"], name=op.f("fk_runs_rater_id_raters")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_rater_id_id"), "runs", ["rater_id", "id"])

    op.create_table(
        "rounds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("adapter_id", sa.Integer(), nullable=True),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("candidate", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("thinking", sa.Boolean(), nullable=False),
        sa.Column("thought", sa.String(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("completion_ids", sa.JSON(), nullable=True),
        sa.Column("well_formed", sa.Boolean(), nullable=False),
        sa.Column("sampling", sa.JSON(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("n_thought_tokens", sa.Integer(), nullable=False),
        sa.Column("n_response_tokens", sa.Integer(), nullable=False),
        sa.Column("finish_reason", sa.String(length=16), nullable=False),
        sa.Column("logprob_sum", sa.Double(), nullable=True),
        sa.Column("thought_s", sa.Double(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint('"index" >= 0', name=op.f("ck_rounds_index_from_zero")),
        sa.CheckConstraint(
            '("index" = 0) = (parent_id IS NULL)', name=op.f("ck_rounds_first_has_no_parent")
        ),
        sa.ForeignKeyConstraint(
            ["adapter_id"], ["adapters.id"], name=op.f("fk_rounds_adapter_id_adapters")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["rounds.id"], name=op.f("fk_rounds_parent_id_rounds")
        ),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name=op.f("fk_rounds_prompt_id_prompts")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_rounds_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rounds")),
        sa.UniqueConstraint(
            "run_id", "index", "candidate", name=op.f("uq_rounds_run_id_index_candidate")
        ),
    )
    op.create_index(op.f("ix_rounds_parent_id"), "rounds", ["parent_id"])
    op.create_index(op.f("ix_rounds_prompt_id"), "rounds", ["prompt_id"])
    op.create_index(op.f("ix_rounds_run_id"), "rounds", ["run_id"])

    op.create_table(
        "comparisons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=False),
        sa.Column("left_round_id", sa.Integer(), nullable=False),
        sa.Column("right_round_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("left_round_id < right_round_id", name=op.f("ck_comparisons_ordered")),
        sa.ForeignKeyConstraint(
            ["left_round_id"], ["rounds.id"], name=op.f("fk_comparisons_left_round_id_rounds")
        ),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name=op.f("fk_comparisons_prompt_id_prompts")
        ),
        sa.ForeignKeyConstraint(
            ["right_round_id"], ["rounds.id"], name=op.f("fk_comparisons_right_round_id_rounds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
        sa.UniqueConstraint(
            "left_round_id",
            "right_round_id",
            name=op.f("uq_comparisons_left_round_id_right_round_id"),
        ),
    )
    op.create_index(op.f("ix_comparisons_prompt_id"), "comparisons", ["prompt_id"])
    op.create_index(op.f("ix_comparisons_right_round_id"), "comparisons", ["right_round_id"])

    op.create_table(
        "reveals",
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["rater_id"], ["raters.id"], name=op.f("fk_reveals_rater_id_raters")
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["rounds.id"], name=op.f("fk_reveals_round_id_rounds")
        ),
        sa.PrimaryKeyConstraint("rater_id", "round_id", name=op.f("pk_reveals")),
    )
    op.create_table(
        "offers",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("comparison_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("flipped", sa.Boolean(), nullable=False),
        sa.Column("thoughts_seen", sa.Boolean(), nullable=False),
        sa.Column("dismissed", sa.Boolean(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name=op.f("fk_offers_comparison_id_comparisons")
        ),
        sa.ForeignKeyConstraint(
            ["rater_id"], ["raters.id"], name=op.f("fk_offers_rater_id_raters")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_offers")),
    )
    op.create_index(op.f("ix_offers_comparison_id"), "offers", ["comparison_id"])
    op.create_index(op.f("ix_offers_rater_id"), "offers", ["rater_id"])

    op.create_table(
        "votes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("comparison_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("offer_key", sa.String(length=32), nullable=True),
        sa.Column(
            "outcome",
            _one_of("outcome", "left", "right", "tie", "both_bad", "withdrawn"),
            nullable=False,
        ),
        sa.Column("strength", sa.Integer(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("rationale", sa.String(), nullable=True),
        sa.Column("decided_ms", sa.Integer(), nullable=True),
        sa.Column("client", sa.String(length=32), nullable=False),
        sa.Column("supersedes_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome <> 'withdrawn' OR supersedes_id IS NOT NULL", name=op.f("ck_votes_undo_of_one")
        ),
        sa.CheckConstraint("id <> supersedes_id", name=op.f("ck_votes_not_itself")),
        sa.CheckConstraint("strength BETWEEN 1 AND 3", name=op.f("ck_votes_strength")),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name=op.f("fk_votes_comparison_id_comparisons")
        ),
        sa.ForeignKeyConstraint(
            ["offer_key"], ["offers.key"], name=op.f("fk_votes_offer_key_offers")
        ),
        sa.ForeignKeyConstraint(["rater_id"], ["raters.id"], name=op.f("fk_votes_rater_id_raters")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["votes.id"], name=op.f("fk_votes_supersedes_id_votes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_votes")),
        sa.UniqueConstraint("key", name=op.f("uq_votes_key")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_votes_supersedes_id")),
    )
    op.create_index(op.f("ix_votes_comparison_id"), "votes", ["comparison_id"])
    op.create_index(op.f("ix_votes_rater_id"), "votes", ["rater_id"])
    op.create_index(
        "uq_votes_first",
        "votes",
        ["rater_id", "comparison_id"],
        unique=True,
        sqlite_where=sa.text("supersedes_id IS NULL"),
        postgresql_where=sa.text("supersedes_id IS NULL"),
    )
    append_only.install(op.get_bind())
