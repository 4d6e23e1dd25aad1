"""A rater's identity is apart from its name, which is a label that may change hands.

Browsers that were signed in under a name go on as the rater who has that name now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("raters", sa.Column("uid", sa.String(120), nullable=True))
    op.execute("UPDATE raters SET uid = name")
    with op.batch_alter_table("raters") as raters:
        raters.alter_column("uid", nullable=False, existing_type=sa.String(120))
        raters.create_unique_constraint("uq_raters_uid", ["uid"])
