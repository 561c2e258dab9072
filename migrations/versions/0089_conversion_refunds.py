"""The refunds of a partner are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None

REFUNDS = sa.text("refunds_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_conversions_refunds",
        "conversions",
        ["partner_id", "refunds_id"],
        sqlite_where=REFUNDS,
        postgresql_where=REFUNDS,
    )


def downgrade() -> None:
    op.drop_index("ix_conversions_refunds", "conversions")
