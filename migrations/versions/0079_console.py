"""Moderation, holds that were looked at, and the indexes of the console's lists."""

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
INDEXES = {
    "byop_submissions": (["status", "created_at"], ["offer_id", "created_at"], ["created_at"]),
    "deliveries": (["state", "created_at"], ["partner_id", "created_at"]),
    "conversions": (["recorded_at"],),
    "holds": (["reason", "opened_at"], ["opened_at"]),
}
NOBODYS = sa.text("partner_id IS NULL")
OPEN = sa.text("released_at IS NULL AND kept_at IS NULL")


def upgrade() -> None:
    op.add_column("links", sa.Column("waits_since", TIME))
    op.add_column("byop_submissions", sa.Column("refusal", sa.String(16)))
    op.add_column("holds", sa.Column("kept_at", TIME))
    for table, lists in INDEXES.items():
        for columns in lists:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    op.create_index(
        "ix_conversions_nobodys",
        "conversions",
        ["recorded_at"],
        sqlite_where=NOBODYS,
        postgresql_where=NOBODYS,
    )
    op.create_index(
        "ix_holds_open", "holds", ["reason", "opened_at"], sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("ix_holds_open", "holds")
    op.drop_index("ix_conversions_nobodys", "conversions")
    for table, lists in INDEXES.items():
        for columns in lists:
            op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
    op.drop_column("holds", "kept_at")
    op.drop_column("byop_submissions", "refusal")
    op.drop_column("links", "waits_since")
