"""A person's clicks on a link are looked up under a number that begins with their time.

The hashes themselves took two indexes of some 90 bytes a click, in which each new click fell anywhere among
those of its day. Clicks of the last hours, which new ones may repeat, get their numbers here.
"""

from datetime import UTC, datetime, timedelta
from zlib import crc32

import sqlalchemy as sa
from alembic import op

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None

KINDS = ("visitor", "ip")
PERIOD_MINUTES = {"visitor": 360, "ip": 1}
STILL_LOOKED_UP = timedelta(hours=2)

clicks = sa.table(
    "clicks",
    *(sa.column(name) for name in ("id", "link_id", "visitor_hash", "ip_hash")),
    *(sa.column(f"{kind}_lookup", sa.BigInteger()) for kind in KINDS),
    sa.column("at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    for kind in KINDS:
        op.add_column("clicks", sa.Column(f"{kind}_lookup", sa.BigInteger()))
        op.drop_index(f"ix_clicks_{kind}_hash_link_id_at", "clicks")
    number_newest(op.get_bind())
    valid = sa.text("visitor_lookup IS NOT NULL AND verdict = 'valid'")
    op.create_index(
        "ix_clicks_visitor_lookup", "clicks", ["visitor_lookup"], sqlite_where=valid, postgresql_where=valid
    )
    people = sa.text("ip_lookup IS NOT NULL")
    op.create_index(
        "ix_clicks_ip_lookup_at", "clicks", ["ip_lookup", "at"], sqlite_where=people, postgresql_where=people
    )


def number_newest(connection: sa.Connection) -> None:
    since = datetime.now(UTC) - STILL_LOOKED_UP
    if connection.dialect.name == "sqlite":
        since = since.replace(tzinfo=None)
    found = connection.execute(
        sa.select(clicks).where(clicks.c.at > since, clicks.c.visitor_hash.is_not(None))
    ).all()
    if found:
        numbered = {f"{kind}_lookup": sa.bindparam(kind) for kind in KINDS}
        connection.execute(
            sa.update(clicks).where(clicks.c.id == sa.bindparam("of")).values(numbered),
            [{"of": row.id} | {kind: number(row, kind) for kind in KINDS} for row in found],
        )


def number(row: sa.Row, kind: str) -> int | None:
    hashed = row._mapping[f"{kind}_hash"]
    if hashed is None:
        return None
    at = row.at.replace(tzinfo=UTC) if row.at.tzinfo is None else row.at
    minutes = int(at.timestamp()) // 60
    return minutes // PERIOD_MINUTES[kind] << 32 | crc32(f"{row.link_id}{hashed}".encode())


def downgrade() -> None:
    op.drop_index("ix_clicks_ip_lookup_at", "clicks")
    op.drop_index("ix_clicks_visitor_lookup", "clicks")
    for kind in KINDS:
        op.drop_column("clicks", f"{kind}_lookup")
        people = sa.text(f"{kind}_hash IS NOT NULL")
        op.create_index(
            f"ix_clicks_{kind}_hash_link_id_at",
            "clicks",
            [f"{kind}_hash", "link_id", "at"],
            sqlite_where=people,
            postgresql_where=people,
        )
