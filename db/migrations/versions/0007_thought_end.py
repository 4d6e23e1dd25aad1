"""Who ended a round's thought, and whether the model had to go on after an empty answer."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rounds", sa.Column("thought_end", sa.String(16), nullable=True))
    op.add_column(
        "rounds",
        sa.Column("asked_again", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
