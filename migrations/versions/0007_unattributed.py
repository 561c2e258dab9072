"""Conversions say why they are nobody's; a waiting refund is found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversions", sa.Column("unattributed", sa.String(16), nullable=False, server_default=""))
    op.create_index(op.f("ix_conversions_network_id_refund_of"), "conversions", ["network_id", "refund_of"])


def downgrade() -> None:
    op.drop_index(op.f("ix_conversions_network_id_refund_of"), "conversions")
    op.drop_column("conversions", "unattributed")
