"""Indexes for what read growing tables from end to end."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

ADDED = (
    ("assets", "state", "next_attempt_at"),
    ("holds", "released_at", "opened_at"),
    ("login_requests", "created_at"),
    ("partner_sessions", "created_at"),
)


def upgrade() -> None:
    for table, *columns in ADDED:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    for table in ("assets", "deliveries"):
        op.drop_index(op.f(f"ix_{table}_next_attempt_at"), table)


def downgrade() -> None:
    for table in ("assets", "deliveries"):
        op.create_index(op.f(f"ix_{table}_next_attempt_at"), table, ["next_attempt_at"])
    for table, *columns in ADDED:
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
