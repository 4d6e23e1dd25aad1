"""Campaigns; what a comparison and a vote are about; conversations as prompts; imported raters."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JOB_KIND = "kind IN ('dpo', 'mask_sft', 'ptr_data', 'tpo', 'reward_model', 'evaluate', 'judge')"
FIRST_VOTE = sa.text("supersedes_id IS NULL")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True)


def _aspect() -> sa.Enum:
    return _one_of("aspect", "response", "thought")


def _purpose() -> sa.Enum:
    return _one_of("purpose", "label", "repeat", "practice")


def _outcome() -> sa.Enum:
    return _one_of("outcome", "left", "right", "tie", "both_bad", "withdrawn")


def upgrade() -> None:
    _change_what_is_there()
    _create_campaigns()
    _create_items()
    _create_assignments()


def _change_what_is_there() -> None:
    context = sa.Column("context", sa.JSON(), server_default=sa.text("'[]'"), nullable=False)
    op.add_column("prompts", context)
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_constraint(op.f("ck_jobs_jobkind"), type_="check")
        jobs.create_check_constraint(op.f("ck_jobs_jobkind"), sa.text(JOB_KIND))
    with op.batch_alter_table("raters") as raters:
        raters.drop_constraint(op.f("ck_raters_raterkind"), type_="check")
        raters.alter_column("kind", existing_type=sa.String(5), type_=sa.String(7))
        raters.create_check_constraint(
            op.f("ck_raters_raterkind"), sa.text("kind IN ('human', 'judge', 'dataset')")
        )
    with op.batch_alter_table("comparisons") as comparisons:
        comparisons.add_column(
            sa.Column("aspect", _aspect(), server_default="response", nullable=False)
        )
        comparisons.drop_constraint(
            op.f("uq_comparisons_left_round_id_right_round_id"), type_="unique"
        )
        comparisons.create_unique_constraint(
            op.f("uq_comparisons_left_round_id_right_round_id_aspect"),
            ["left_round_id", "right_round_id", "aspect"],
        )
    with op.batch_alter_table("offers") as offers:
        offers.add_column(sa.Column("purpose", _purpose(), server_default="label", nullable=False))
    op.drop_index("uq_votes_first", "votes")
    with op.batch_alter_table("votes") as votes:
        votes.add_column(sa.Column("purpose", _purpose(), server_default="label", nullable=False))
    op.create_index(
        "uq_votes_first",
        "votes",
        ["rater_id", "comparison_id", "purpose"],
        unique=True,
        sqlite_where=FIRST_VOTE,
        postgresql_where=FIRST_VOTE,
    )
    op.create_index(op.f("ix_votes_offer_key"), "votes", ["offer_key"])
    with op.batch_alter_table("reveals") as reveals:
        reveals.add_column(
            sa.Column("versions", sa.Boolean(), server_default=sa.true(), nullable=False)
        )


def _create_campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("aspect", _aspect(), nullable=False),
        sa.Column("state", _one_of("campaignstate", "preparing", "open", "closed"), nullable=False),
        sa.Column("guidelines", sa.String(), nullable=False),
        sa.Column("overlap", sa.Integer(), nullable=False),
        sa.Column("budget", sa.Integer(), nullable=True),
        sa.Column("mix", sa.JSON(), nullable=False),
        sa.Column("reveal", sa.Boolean(), nullable=False),
        sa.Column("n_practice", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("n_items", "n_slots", "n_taken", "n_done", "n_returned")
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("overlap >= 1", name=op.f("ck_campaigns_overlap")),
        sa.CheckConstraint(
            "n_taken >= 0 AND (budget IS NULL OR n_taken <= budget)",
            name=op.f("ck_campaigns_budget"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("name", name=op.f("uq_campaigns_name")),
    )
    op.create_table(
        "campaign_raters",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("n_done", sa.Integer(), nullable=False),
        sa.Column("n_skipped", sa.Integer(), nullable=False),
        sa.Column("n_practised", sa.Integer(), nullable=False),
        sa.Column("least_uncertain", sa.Double(), nullable=True),
        sa.Column("exhausted_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_raters_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["rater_id"], ["raters.id"], name=op.f("fk_campaign_raters_rater_id_raters")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "rater_id", name=op.f("pk_campaign_raters")),
    )


def _create_items() -> None:
    op.create_table(
        "campaign_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("comparison_id", sa.Integer(), nullable=False),
        sa.Column("kind", _one_of("itemkind", "plain", "gold", "practice"), nullable=False),
        sa.Column("overlap", sa.Integer(), nullable=False),
        sa.Column("n_taken", sa.Integer(), nullable=False),
        sa.Column("draw", sa.Double(), nullable=False),
        sa.Column("uncertainty", sa.Double(), nullable=False),
        sa.Column("gold_outcome", _outcome(), nullable=True),
        sa.Column("explanation", sa.String(), nullable=True),
        sa.CheckConstraint(
            "n_taken BETWEEN 0 AND overlap",
            name=op.f("ck_campaign_items_not_labelled_more_than_asked"),
        ),
        sa.CheckConstraint(
            "uncertainty BETWEEN 0 AND 1", name=op.f("ck_campaign_items_uncertainty")
        ),
        sa.CheckConstraint(
            "(kind = 'plain') = (gold_outcome IS NULL)",
            name=op.f("ck_campaign_items_gold_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_items_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["comparison_id"],
            ["comparisons.id"],
            name=op.f("fk_campaign_items_comparison_id_comparisons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_items")),
        sa.UniqueConstraint(
            "campaign_id",
            "comparison_id",
            name=op.f("uq_campaign_items_campaign_id_comparison_id"),
        ),
    )
    op.create_index(op.f("ix_campaign_items_comparison_id"), "campaign_items", ["comparison_id"])
    for name, column, condition in (
        ("uniform", "draw", "n_taken < overlap"),
        ("uncertain", "uncertainty", "n_taken < overlap"),
        ("begun", "draw", "n_taken > 0 AND n_taken < overlap"),
    ):
        op.create_index(
            f"ix_campaign_items_{name}",
            "campaign_items",
            ["campaign_id", "kind", column],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def _create_assignments() -> None:
    states = ("reserved", "done", "skipped", "expired", "late")
    op.create_table(
        "assignments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("purpose", _purpose(), nullable=False),
        sa.Column("state", _one_of("assignmentstate", *states), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("tab", sa.String(64), nullable=False),
        sa.Column("offer_key", sa.String(32), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_assignments_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["campaign_items.id"], name=op.f("fk_assignments_item_id_campaign_items")
        ),
        sa.ForeignKeyConstraint(
            ["rater_id"], ["raters.id"], name=op.f("fk_assignments_rater_id_raters")
        ),
        sa.ForeignKeyConstraint(
            ["offer_key"], ["offers.key"], name=op.f("fk_assignments_offer_key_offers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint(
            "rater_id",
            "item_id",
            "purpose",
            name=op.f("uq_assignments_rater_id_item_id_purpose"),
        ),
        sa.UniqueConstraint("offer_key", name=op.f("uq_assignments_offer_key")),
    )
    op.create_index(op.f("ix_assignments_item_id"), "assignments", ["item_id"])
    op.create_index(
        op.f("ix_assignments_rater_id_campaign_id_state_id"),
        "assignments",
        ["rater_id", "campaign_id", "state", "id"],
    )
    op.create_index(
        "ix_assignments_reserved",
        "assignments",
        ["campaign_id", "lease_until"],
        sqlite_where=sa.text("state = 'reserved'"),
        postgresql_where=sa.text("state = 'reserved'"),
    )
