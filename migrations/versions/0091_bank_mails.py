"""Mails about bank accounts have a kind of their own."""

from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

KINDS = "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation', 'notice', 'publishing')"
MORE_KINDS = (
    "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation', 'notice', 'publishing', 'bank')"
)


def upgrade() -> None:
    _change(KINDS, MORE_KINDS)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE kind = 'bank'")
    _change(MORE_KINDS, KINDS)


def _change(old: str, new: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_deliveries_kind"), "deliveries", type_="check")
        op.create_check_constraint(op.f("ck_deliveries_kind"), "deliveries", new)
        return
    # A new table under the old name would take the rows that point to this one along (ON DELETE CASCADE);
    # a check is only words: see https://sqlite.org/lang_altertable.html#otheralter.
    connection = op.get_bind()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'deliveries'",
        (old, new),
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
