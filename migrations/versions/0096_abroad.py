"""A partner may say that they are established outside of France."""

import sqlalchemy as sa
from alembic import op

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("billing_profiles", sa.Column("abroad_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("billing_profiles", "abroad_at")
