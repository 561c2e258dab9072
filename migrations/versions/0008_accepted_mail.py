"""accepted mail: what the mail service took in an answer that was not whole"""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("accepted_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=True)
    op.add_column("deliveries", column)


def downgrade() -> None:
    op.drop_column("deliveries", "accepted_at")
