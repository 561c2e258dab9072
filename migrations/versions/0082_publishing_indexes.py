"""What maintenance looks for each hour, and the open pauses of senders, are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None

TO_REVOKE = sa.text("revoke_json IS NOT NULL")
OPEN = sa.text("resumed_at IS NULL")


def upgrade() -> None:
    op.create_index(op.f("ix_connect_requests_expires_at"), "connect_requests", ["expires_at"])
    op.create_index(
        "ix_partner_accounts_revoke",
        "partner_accounts",
        ["id"],
        sqlite_where=TO_REVOKE,
        postgresql_where=TO_REVOKE,
    )
    op.create_index(
        "ix_sender_pauses_open", "sender_pauses", ["paused_at"], sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("ix_sender_pauses_open", "sender_pauses")
    op.drop_index("ix_partner_accounts_revoke", "partner_accounts")
    op.drop_index(op.f("ix_connect_requests_expires_at"), "connect_requests")
