"""Share logs know their send: mails that were taken back are no share."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact_share_logs", sa.Column("send_id", sa.String(length=22), nullable=True))
    op.create_index(op.f("ix_contact_share_logs_send_id"), "contact_share_logs", ["send_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_contact_share_logs_send_id"), "contact_share_logs")
    op.drop_column("contact_share_logs", "send_id")
