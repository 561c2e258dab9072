"""A session holds what a passkey is to sign, until it did."""

import sqlalchemy as sa
from alembic import op

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partner_sessions", sa.Column("challenge", sa.LargeBinary))
    op.add_column("partner_sessions", sa.Column("challenged_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("partner_sessions", "challenged_at")
    op.drop_column("partner_sessions", "challenge")
