"""A flag says since when it is there, and a campaign's flags are found without reading the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assignments", sa.Column("flagged_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_assignments_flagged",
        "assignments",
        ["campaign_id", "flagged_at"],
        sqlite_where=sa.text("flagged = 1"),
        postgresql_where=sa.text("flagged"),
    )
