"""Sales of nobody that were looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversions", sa.Column("dismissed_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("conversions", "dismissed_at")
