"""Jobs carry notes for a person, and may be discarded.

SQLite cannot change a CHECK, so the table is built anew and its rows are copied. What refers to it
is left alone, because upgrades run without foreign keys (`db.storage.connect.migrator`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATUS = "status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'discarded')"


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("notes", sa.JSON(), server_default="[]", nullable=False))
        jobs.drop_constraint(op.f("ck_jobs_jobstatus"), type_="check")
        jobs.create_check_constraint(op.f("ck_jobs_jobstatus"), sa.text(STATUS))
