"""Mails and imports whose addresses are still there, and leases, are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None

IS_HERE = sa.text("content IS NOT NULL")
HAS_ADDRESS = sa.text("recipient IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_addressed",
        "deliveries",
        ["created_at"],
        sqlite_where=HAS_ADDRESS,
        postgresql_where=HAS_ADDRESS,
    )
    op.create_index(op.f("ix_assignments_state_leased_until"), "assignments", ["state", "leased_until"])
    op.create_index(
        "ix_contact_imports_content",
        "contact_imports",
        ["created_at"],
        sqlite_where=IS_HERE,
        postgresql_where=IS_HERE,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_assignments_state_leased_until"), "assignments")
    op.drop_index("ix_contact_imports_content", "contact_imports")
    op.drop_index("ix_deliveries_addressed", "deliveries")
