"""clip mails: who is told when a clip is done, and which clip stays public while another is made"""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0040"
down_revision = "0016"
branch_labels = None
depends_on = None

KINDS = "kind IN ('login', 'confirmation', 'share')"
MORE_KINDS = "kind IN ('login', 'confirmation', 'share', 'clip')"


def upgrade() -> None:
    change_check("deliveries", "kind", KINDS, MORE_KINDS)
    now = contentflow.core.db.UTCDateTime(timezone=True)
    op.add_column("assets", sa.Column("approved_cover", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("assets", sa.Column("asked_at", now, nullable=True))
    op.add_column("assets", sa.Column("looked_at", now, nullable=True))
    op.add_column("assets", sa.Column("language", sa.String(2), nullable=False, server_default="fr"))
    op.add_column(
        "partners", sa.Column("wants_clip_mails", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    if op.get_bind().dialect.name == "sqlite":
        cover = "COALESCE(json_extract(facts, '$.cover'), 1)"
    else:
        cover = "COALESCE((facts->>'cover')::int, 1)"
    op.execute(f"UPDATE assets SET approved_cover = {cover} WHERE approved_render_id IS NOT NULL")


def change_check(table: str, name: str, old: str, new: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, new)
        return
    # A new table under the old name would take the rows that point to this one along (ON DELETE CASCADE);
    # a check is only words: see https://sqlite.org/lang_altertable.html#otheralter.
    connection = op.get_bind()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (old, new, table),
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE kind = 'clip'")
    change_check("deliveries", "kind", MORE_KINDS, KINDS)
    op.drop_column("partners", "wants_clip_mails")
    for name in ("language", "looked_at", "asked_at", "approved_cover"):
        op.drop_column("assets", name)
