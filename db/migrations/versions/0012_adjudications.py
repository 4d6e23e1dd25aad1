"""Adjudications settle disagreements; campaigns are paused, deleted and have deadlines."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PURPOSE = "purpose IN ('label', 'repeat', 'practice', 'adjudication')"
STATE = "state IN ('preparing', 'open', 'paused', 'closed', 'deleted')"
FIRST_ADJUDICATION = sa.text("purpose = 'adjudication' AND supersedes_id IS NULL")


def upgrade() -> None:
    for table in ("offers", "votes", "assignments"):
        name = op.f(f"ck_{table}_purpose")
        with op.batch_alter_table(table) as altered:
            altered.drop_constraint(name, type_="check")
            altered.alter_column("purpose", existing_type=sa.String(8), type_=sa.String(12))
            altered.create_check_constraint(name, sa.text(PURPOSE))
    op.create_index(
        "uq_votes_first_adjudication",
        "votes",
        ["comparison_id"],
        unique=True,
        sqlite_where=FIRST_ADJUDICATION,
        postgresql_where=FIRST_ADJUDICATION,
    )
    with op.batch_alter_table("campaigns") as campaigns:
        campaigns.drop_constraint(op.f("ck_campaigns_campaignstate"), type_="check")
        campaigns.create_check_constraint(op.f("ck_campaigns_campaignstate"), sa.text(STATE))
        campaigns.add_column(sa.Column("deadline", sa.DateTime(timezone=True)))
