"""What is looked for every second or hour is found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_index(op.f("ix_limit_entries_at"), "limit_entries", ["at"])
    op.create_index(op.f("ix_partner_sessions_last_used_at"), "partner_sessions", ["last_used_at"])
    op.create_index(
        "ix_login_requests_open", "login_requests", ["expires_at"], sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("ix_login_requests_open", "login_requests")
    op.drop_index(op.f("ix_partner_sessions_last_used_at"), "partner_sessions")
    op.drop_index(op.f("ix_limit_entries_at"), "limit_entries")
