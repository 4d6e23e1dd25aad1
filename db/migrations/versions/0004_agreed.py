"""Whether a judge that was asked in both orders said the same twice: a doubt is no tie."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("votes", sa.Column("agreed", sa.Boolean(), nullable=True))
