"""Mails for later, and invitations."""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

KINDS = "kind IN ('login', 'confirmation', 'share', 'clip')"
MORE_KINDS = "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation')"
STATES = "state IN ('queued', "
MORE_STATES = "state IN ('scheduled', 'queued', "
REST = "'sending', 'sent', 'captured', 'failed', 'unknown', 'cancelled')"


def upgrade() -> None:
    change_check("deliveries", "kind", KINDS, MORE_KINDS)
    change_check("deliveries", "state", STATES + REST, MORE_STATES + REST)
    op.add_column("deliveries", sa.Column("due_at", contentflow.core.db.UTCDateTime(timezone=True)))
    op.create_index(
        op.f("ix_deliveries_partner_id_kind_first_tried_at"),
        "deliveries",
        ["partner_id", "kind", "first_tried_at"],
    )
    op.add_column(
        "limit_entries",
        sa.Column("is_planned", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def change_check(table: str, name: str, old: str, new: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, new)
        return
    # A check is only words: see https://sqlite.org/lang_altertable.html#otheralter.
    connection = op.get_bind()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (old, new, table),
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def downgrade() -> None:
    op.drop_column("limit_entries", "is_planned")
    op.execute("DELETE FROM deliveries WHERE kind = 'invitation' OR state = 'scheduled'")
    op.drop_index(op.f("ix_deliveries_partner_id_kind_first_tried_at"), "deliveries")
    op.drop_column("deliveries", "due_at")
    change_check("deliveries", "state", MORE_STATES + REST, STATES + REST)
    change_check("deliveries", "kind", MORE_KINDS, KINDS)
