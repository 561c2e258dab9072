"""An index of the mails that the team looks after: the console lists them, newest first."""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None

UNDELIVERED = sa.text("state NOT IN ('scheduled', 'queued', 'sending', 'sent', 'captured', 'cancelled')")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_undelivered",
        "deliveries",
        ["created_at", "id"],
        sqlite_where=UNDELIVERED,
        postgresql_where=UNDELIVERED,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_undelivered", "deliveries")
