"""erasures: accounts that have ended and are not swept yet"""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0015"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("partner_id", sa.String(length=22), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("begun_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_erasures_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_erasures")),
    )


def downgrade() -> None:
    op.drop_table("erasures")
