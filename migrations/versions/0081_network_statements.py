"""How far a network's statement was applied; and sales of one block of addresses are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "network_statements",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("network_id", sa.String(22), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_network_statements_network_id_networks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_statements")),
        sa.UniqueConstraint("network_id", "digest", name=op.f("uq_network_statements_network_id_digest")),
    )
    op.create_index(
        "ix_conversions_partner_id_block_hash_at", "conversions", ["partner_id", "block_hash", "at"]
    )


def downgrade() -> None:
    op.drop_index("ix_conversions_partner_id_block_hash_at", "conversions")
    op.drop_table("network_statements")
