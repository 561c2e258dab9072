"""Offers may say what part of a sale the advertiser pays as commission."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offers", sa.Column("commission_bp", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("offers", "commission_bp")
