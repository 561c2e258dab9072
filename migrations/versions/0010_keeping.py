"""keeping: how often a post was shared stays when its log goes"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "share_sums",
        sa.Column("submission_id", sa.String(length=22), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("shares", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["byop_submissions.id"],
            name=op.f("fk_share_sums_submission_id_byop_submissions"),
        ),
        sa.PrimaryKeyConstraint("submission_id", "channel", name=op.f("pk_share_sums")),
    )
    op.create_index(op.f("ix_contact_share_logs_created_at"), "contact_share_logs", ["created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_contact_share_logs_created_at"), "contact_share_logs")
    op.drop_table("share_sums")
