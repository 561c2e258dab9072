"""Addresses whose place in Brevo's list is to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    now = sa.DateTime(timezone=True)
    op.create_table(
        "list_changes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("created_at", now, nullable=False),
        sa.Column("state", sa.String(255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", now),
        sa.Column("leased_until", now),
        sa.Column("lease", sa.String(255)),
        sa.Column("reason", sa.String(255)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_changes")),
    )
    for columns in (["created_at"], ["state"], ["state", "next_attempt_at"]):
        op.create_index(op.f(f"ix_list_changes_{'_'.join(columns)}"), "list_changes", columns)


def downgrade() -> None:
    op.drop_table("list_changes")
