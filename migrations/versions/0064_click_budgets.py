"""The budget of a day stays what it was; those of the days before this change are today's."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "click_budgets",
        sa.Column("offer_id", sa.String(length=22), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("budget_cents", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_click_budgets_offer_id_offers")),
        sa.PrimaryKeyConstraint("offer_id", "day", name=op.f("pk_click_budgets")),
    )


def downgrade() -> None:
    op.drop_table("click_budgets")
