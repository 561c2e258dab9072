"""What was done in one request is found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

IS_KNOWN = sa.text("request_id <> ''")


def upgrade() -> None:
    op.create_index(
        "ix_audit_entries_request_id",
        "audit_entries",
        ["request_id"],
        sqlite_where=IS_KNOWN,
        postgresql_where=IS_KNOWN,
    )


def downgrade() -> None:
    op.drop_index("ix_audit_entries_request_id", "audit_entries")
