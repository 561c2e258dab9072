"""Publishing on partners' own accounts: accounts, assignments, and links for five more channels."""

import secrets
import string
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None

CHANNELS = ("mastodon", "youtube", "tiktok", "instagram", "pinterest")
BASE62 = string.digits + string.ascii_letters
AT_ONCE = 1_000
KINDS = "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation', 'notice')"
MORE_KINDS = "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation', 'notice', 'publishing')"
OVER = "('failed', 'cancelled', 'deleted')"


def upgrade() -> None:
    now = contentflow.core.db.UTCDateTime(timezone=True)
    op.create_table(
        "partner_accounts",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("remote_id", sa.String(255), nullable=False),
        sa.Column("handle", sa.String(255), nullable=False),
        sa.Column("scope", sa.String(500), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("oauth_json", sa.LargeBinary()),
        sa.Column("expires_at", now),
        sa.Column("refreshed_at", now),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(22)),
        sa.Column("leased_until", now),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("used_at", now),
        sa.Column("revoke_json", sa.LargeBinary()),
        sa.Column("created_at", now, nullable=False),
        sa.CheckConstraint(
            "state IN ('connected', 'reauth', 'disconnected')", name=op.f("ck_partner_accounts_state")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_accounts_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_accounts")),
    )
    op.create_index(op.f("ix_partner_accounts_partner_id"), "partner_accounts", ["partner_id"])
    _unique("uq_partner_accounts_remote_id", "partner_accounts", ["platform", "host", "remote_id"],
            "state != 'disconnected'")  # fmt: skip
    op.create_table(
        "connect_requests",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("session_hash", sa.String(64), nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("account_id", sa.String(22)),
        sa.Column("lease", sa.String(22)),
        sa.Column("leased_until", now),
        sa.Column("expires_at", now, nullable=False),
        sa.Column("created_at", now, nullable=False),
        sa.CheckConstraint(
            "state IN ('asked', 'going', 'returned', 'connected', 'refused', 'expired')",
            name=op.f("ck_connect_requests_state"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_connect_requests_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connect_requests")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_connect_requests_state_hash")),
    )
    op.create_index(op.f("ix_connect_requests_partner_id"), "connect_requests", ["partner_id"])
    op.create_index(op.f("ix_connect_requests_state_expires_at"), "connect_requests", ["state", "expires_at"])
    op.create_table(
        "platform_clients",
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("client_id", sa.String(500), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("created_at", now, nullable=False),
        sa.PrimaryKeyConstraint("platform", "host", name=op.f("pk_platform_clients")),
    )
    op.create_table(
        "platform_pauses",
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("is_by_operator", sa.Boolean(), nullable=False),
        sa.Column("half_open_at", now),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("platform", name=op.f("pk_platform_pauses")),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("submission_id", sa.String(22), nullable=False),
        sa.Column("account_id", sa.String(22)),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("state", sa.String(255), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", now),
        sa.Column("leased_until", now),
        sa.Column("lease", sa.String(255)),
        sa.Column("publish_at", now, nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("what", sa.String(8), nullable=False),
        sa.Column("render_id", sa.String(22)),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("remote_key", sa.String(64), nullable=False),
        sa.Column("remote", sa.LargeBinary()),
        sa.Column("first_tried_at", now),
        sa.Column("last_tried_at", now),
        sa.Column("remote_id", sa.String(500)),
        sa.Column("remote_url", sa.String(2048)),
        sa.Column("reason", sa.String(255)),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("published_at", now),
        sa.Column("created_at", now, nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'publishing', 'published', 'failed', 'needs_hand', 'unknown', "
            "'declared', 'cancelled', 'deleted')",
            name=op.f("ck_assignments_state"),
        ),
        sa.CheckConstraint("what IN ('clip', 'words')", name=op.f("ck_assignments_what")),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_assignments_percent")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_assignments_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["byop_submissions.id"],
            name=op.f("fk_assignments_submission_id_byop_submissions"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["partner_accounts.id"], name=op.f("fk_assignments_account_id_partner_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_state"), "assignments", ["state"])
    op.create_index(op.f("ix_assignments_state_next_attempt_at"), "assignments", ["state", "next_attempt_at"])
    op.create_index(op.f("ix_assignments_partner_id_state"), "assignments", ["partner_id", "state"])
    op.create_index(op.f("ix_assignments_submission_id"), "assignments", ["submission_id"])
    op.create_index(op.f("ix_assignments_account_id"), "assignments", ["account_id"])
    active = f"state NOT IN {OVER}"
    _unique("uq_assignments_account_id", "assignments", ["submission_id", "account_id"], active)
    _unique("uq_assignments_platform", "assignments", ["submission_id", "platform"],
            f"account_id IS NULL AND {active}")  # fmt: skip
    _change_kinds(KINDS, MORE_KINDS)
    _make_links()


def _unique(name: str, table: str, columns: list[str], where: str) -> None:
    text = sa.text(where)
    op.create_index(name, table, columns, unique=True, sqlite_where=text, postgresql_where=text)


def _change_kinds(old: str, new: str) -> None:
    """Let deliveries have other kinds; each is a text as it stands in the check."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_deliveries_kind"), "deliveries", type_="check")
        op.create_check_constraint(op.f("ck_deliveries_kind"), "deliveries", new)
        return
    # A new table under the old name would take the rows that point to this one along: see 0040.
    connection = op.get_bind()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'deliveries'",
        (old, new),
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _make_links() -> None:
    """Give older posts a link for each of the five channels, a thousand posts at a time."""
    connection, last, made_at = op.get_bind(), "", datetime.now(UTC)
    links = sa.table(
        "links",
        *(sa.column(name) for name in (
            "id", "code", "partner_id", "submission_id", "asset_id", "offer_id", "channel", "variant",
            "destination", "disabled_at",
        )),
        sa.column("created_at", contentflow.core.db.UTCDateTime(timezone=True)),
    )  # fmt: skip
    names = ("partner_id", "submission_id", "asset_id", "offer_id", "destination", "disabled_at")
    copied = [links.c[name] for name in names]
    first = sa.select(*copied).where(links.c.channel == "copy", links.c.variant == "")
    while True:
        some = first.where(links.c.submission_id > last).order_by(links.c.submission_id).limit(AT_ONCE)
        posts = [dict(row) for row in connection.execute(some).mappings()]
        if not posts:
            return
        last = posts[-1]["submission_id"]
        codes = iter(_free_codes(connection, links, len(posts) * len(CHANNELS)))
        rows = [
            {**post, "id": _random(22), "code": next(codes), "channel": channel, "variant": "",
             "created_at": made_at}
            for post in posts
            for channel in CHANNELS
        ]  # fmt: skip
        connection.execute(sa.insert(links), rows)


def _free_codes(connection: sa.Connection, links: sa.TableClause, number: int) -> list[str]:
    free: dict[str, None] = {}
    while len(free) < number:
        drawn = list({_random(7) for _ in range(min(500, number - len(free)))} - set(free))
        taken = set(connection.execute(sa.select(links.c.code).where(links.c.code.in_(drawn))).scalars())
        free |= {code: None for code in drawn if code not in taken}
    return list(free)


def _random(length: int) -> str:
    return "".join(secrets.choice(BASE62) for _ in range(length))


def downgrade() -> None:
    listed = ", ".join(f"'{channel}'" for channel in CHANNELS)
    op.execute("DELETE FROM deliveries WHERE kind = 'publishing'")
    _change_kinds(MORE_KINDS, KINDS)
    op.execute(
        f"DELETE FROM links WHERE channel IN ({listed}) AND id NOT IN (SELECT link_id FROM clicks) "
        "AND id NOT IN (SELECT link_id FROM click_link_totals) "
        "AND id NOT IN (SELECT link_id FROM click_link_days)"
    )
    for table in (
        "assignments",
        "platform_pauses",
        "platform_clients",
        "connect_requests",
        "partner_accounts",
    ):
        op.drop_table(table)
