"""Commissions of a time are found by an index."""

from alembic import op

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_credits_day"), "credits", ["day"])


def downgrade() -> None:
    op.drop_index(op.f("ix_credits_day"), "credits")
