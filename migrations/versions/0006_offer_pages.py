"""Offers say what they are, and have a picture."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offers", sa.Column("description", sa.Text(), nullable=False, server_default=""))
    op.add_column("offers", sa.Column("picture_digest", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "offer_pictures",
        sa.Column("offer_id", sa.String(22), nullable=False),
        sa.Column("mimetype", sa.String(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_offer_pictures_offer_id_offers")),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_offer_pictures")),
    )


def downgrade() -> None:
    op.drop_table("offer_pictures")
    op.drop_column("offers", "picture_digest")
    op.drop_column("offers", "description")
