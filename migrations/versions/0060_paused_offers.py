"""paused offers: closed to new posts, while those they have go on"""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0060"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "offers", sa.Column("paused_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("offers", "paused_at")
