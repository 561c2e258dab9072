"""Hashes begin with their day: led by them, new clicks of any link stand together in an index.

By link first they fell anywhere into an index of all the clicks that the programme ever had, a page each.
Robots, which are not hashed, are left out.
"""

import sqlalchemy as sa
from alembic import op

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None

HASHES = ("visitor_hash", "ip_hash")


def upgrade() -> None:
    op.create_index("ix_clicks_link_id", "clicks", ["link_id"])
    for name in HASHES:
        op.drop_index(f"ix_clicks_link_id_{name}_at", "clicks")
        people = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_clicks_{name}_link_id_at",
            "clicks",
            [name, "link_id", "at"],
            sqlite_where=people,
            postgresql_where=people,
        )


def downgrade() -> None:
    for name in HASHES:
        op.drop_index(f"ix_clicks_{name}_link_id_at", "clicks")
        op.create_index(f"ix_clicks_link_id_{name}_at", "clicks", ["link_id", name, "at"])
    op.drop_index("ix_clicks_link_id", "clicks")
