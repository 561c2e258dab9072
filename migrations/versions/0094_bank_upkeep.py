"""Accounts whose IBAN is due for erasure are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None

KEPT = sa.text("iban IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_bank_accounts_kept", "bank_accounts", ["ended_at"], sqlite_where=KEPT, postgresql_where=KEPT
    )


def downgrade() -> None:
    op.drop_index("ix_bank_accounts_kept", "bank_accounts")
