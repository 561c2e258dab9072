"""Senders whose mails rest."""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sender_pauses",
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("bounced", sa.Integer(), nullable=False),
        sa.Column("complained", sa.Integer(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True)),
        sa.Column("resume_reason", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_sender_pauses")),
    )
    has_outcome = sa.text("outcome IS NOT NULL")
    op.create_index(
        "ix_deliveries_outcome",
        "deliveries",
        ["first_tried_at"],
        sqlite_where=has_outcome,
        postgresql_where=has_outcome,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_outcome", "deliveries")
    op.drop_table("sender_pauses")
