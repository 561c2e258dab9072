"""When a report that nobody signed was last noted of a network, and an index of the few that are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None

UNSIGNED = sa.text("verdict = 'unsigned'")


def upgrade() -> None:
    op.add_column("networks", sa.Column("unsigned_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_postback_reports_unsigned",
        "postback_reports",
        ["network_id", "at"],
        sqlite_where=UNSIGNED,
        postgresql_where=UNSIGNED,
    )


def downgrade() -> None:
    op.drop_index("ix_postback_reports_unsigned", "postback_reports")
    op.drop_column("networks", "unsigned_at")
