"""Earnings: roll-ups of clicks, offers' terms, conversions and the ledger.

Triggers count each click in the click's own transaction, and keep the ledger append-only and whole:
legs come first and their posting last, a posting is refused unless its legs sum to zero, a leg after
its posting is refused, and so is every change or deletion of either, by REPLACE (SQLite) and TRUNCATE
(PostgreSQL) too. A later migration that makes SQLite copy ``clicks``, ``ledger_entries`` or
``ledger_postings`` must make their triggers again.
"""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None


LEDGER = ("ledger_entries", "ledger_postings")
APPEND_ONLY = "the ledger is append-only"
UNBALANCED = "the legs of a posting sum to zero"
SEALED = "the posting is complete"
IS_UNBALANCED = "(SELECT COALESCE(SUM(amount_cents), 0) FROM ledger_entries WHERE posting_id = NEW.id) <> 0"
REPLACED = "id = NEW.id OR key = NEW.key"
IS_SEALED = "EXISTS (SELECT 1 FROM ledger_postings WHERE id = NEW.posting_id)"


def _count(row: str, step: str, day: str) -> str:
    """Add ``step`` to the three sums of a click; ``row`` is NEW or OLD."""
    return f"""
INSERT INTO click_partner_days (partner_id, verdict, day, channel, clicks)
  SELECT {row}.partner_id, {row}.verdict, {day}, links.channel, {step}
  FROM links WHERE links.id = {row}.link_id
  ON CONFLICT (partner_id, verdict, day, channel) DO UPDATE SET clicks = click_partner_days.clicks + {step};
INSERT INTO click_link_days (link_id, day, verdict, clicks)
  VALUES ({row}.link_id, {day}, {row}.verdict, {step})
  ON CONFLICT (link_id, day, verdict) DO UPDATE SET clicks = click_link_days.clicks + {step};
INSERT INTO click_link_totals (link_id, verdict, clicks)
  VALUES ({row}.link_id, {row}.verdict, {step})
  ON CONFLICT (link_id, verdict) DO UPDATE SET clicks = click_link_totals.clicks + {step};
"""


def _sqlite() -> list[str]:
    add, take = _count("NEW", "1", "date(NEW.at)"), _count("OLD", "-1", "date(OLD.at)")
    changes = [
        f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        for table in LEDGER
        for act in ("UPDATE", "DELETE")
    ]
    # INSERT OR REPLACE deletes the row it meets without a word to the triggers above.
    changes += [
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        for table, same in (("ledger_entries", "id = NEW.id"), ("ledger_postings", REPLACED))
    ]
    return [
        f"CREATE TRIGGER clicks_count AFTER INSERT ON clicks WHEN NEW.partner_id IS NOT NULL BEGIN {add} END",
        "CREATE TRIGGER clicks_recount AFTER UPDATE OF verdict ON clicks "
        f"WHEN NEW.partner_id IS NOT NULL AND NEW.verdict <> OLD.verdict BEGIN {take} {add} END",
        f"CREATE TRIGGER ledger_postings_balanced BEFORE INSERT ON ledger_postings WHEN {IS_UNBALANCED} "
        f"BEGIN SELECT RAISE(ABORT, '{UNBALANCED}'); END",
        f"CREATE TRIGGER ledger_entries_sealed BEFORE INSERT ON ledger_entries WHEN {IS_SEALED} "
        f"BEGIN SELECT RAISE(ABORT, '{SEALED}'); END",
        *changes,
    ]


def _function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"


def _refuse(reason: str) -> str:
    return f"RAISE EXCEPTION '{reason}' USING ERRCODE = 'integrity_constraint_violation';"


def _postgresql() -> list[str]:
    add = _count("NEW", "1", "(NEW.at AT TIME ZONE 'UTC')::date")
    take = _count("OLD", "-1", "(OLD.at AT TIME ZONE 'UTC')::date")
    changes = [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()"
        for table in LEDGER
    ]
    changes += [
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()"
        for table in LEDGER
    ]
    return [
        _function("clicks_count", f"{add} RETURN NULL;"),
        _function("clicks_recount", f"{take} {add} RETURN NULL;"),
        _function("ledger_refuse_change", _refuse(APPEND_ONLY)),
        _function(
            "ledger_check_balance", f"IF {IS_UNBALANCED} THEN {_refuse(UNBALANCED)} END IF; RETURN NEW;"
        ),
        _function("ledger_check_seal", f"IF {IS_SEALED} THEN {_refuse(SEALED)} END IF; RETURN NEW;"),
        "CREATE TRIGGER clicks_count AFTER INSERT ON clicks "
        "FOR EACH ROW WHEN (NEW.partner_id IS NOT NULL) EXECUTE FUNCTION clicks_count()",
        "CREATE TRIGGER clicks_recount AFTER UPDATE OF verdict ON clicks FOR EACH ROW "
        "WHEN (NEW.partner_id IS NOT NULL AND NEW.verdict <> OLD.verdict) EXECUTE FUNCTION clicks_recount()",
        "CREATE TRIGGER ledger_postings_balanced BEFORE INSERT ON ledger_postings "
        "FOR EACH ROW EXECUTE FUNCTION ledger_check_balance()",
        "CREATE TRIGGER ledger_entries_sealed BEFORE INSERT ON ledger_entries "
        "FOR EACH ROW EXECUTE FUNCTION ledger_check_seal()",
        *changes,
    ]


def _count_what_is_there(day: str) -> None:
    joined = (
        "FROM clicks JOIN links ON links.id = clicks.link_id WHERE clicks.partner_id IS NOT NULL GROUP BY"
    )
    op.execute(
        f"INSERT INTO click_partner_days SELECT clicks.partner_id, verdict, {day}, channel, count(*) "
        f"{joined} clicks.partner_id, verdict, {day}, channel"
    )
    op.execute(
        f"INSERT INTO click_link_days SELECT link_id, {day}, verdict, count(*) "
        f"{joined} link_id, {day}, verdict"
    )
    op.execute(
        "INSERT INTO click_link_totals SELECT link_id, verdict, sum(clicks) FROM click_link_days "
        "GROUP BY link_id, verdict"
    )


def upgrade() -> None:
    op.create_table(
        "currency_rates",
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("set_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("micros > 0", name=op.f("ck_currency_rates_micros")),
        sa.PrimaryKeyConstraint("currency", name=op.f("pk_currency_rates")),
    )
    op.create_table(
        "networks",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_networks")),
        sa.UniqueConstraint("name", name=op.f("uq_networks_name")),
    )
    op.create_table(
        "click_partner_days",
        sa.Column("partner_id", sa.String(length=22), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_click_partner_days_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint(
            "partner_id", "verdict", "day", "channel", name=op.f("pk_click_partner_days")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contracts",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("partner_id", sa.String(length=22), nullable=False),
        sa.Column("advertiser", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("accepted_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_contracts_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        sa.UniqueConstraint(
            "partner_id", "advertiser", "version", name=op.f("uq_contracts_partner_id_advertiser_version")
        ),
    )
    op.create_table(
        "click_link_days",
        sa.Column("link_id", sa.String(length=22), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name=op.f("fk_click_link_days_link_id_links")),
        sa.PrimaryKeyConstraint("link_id", "day", "verdict", name=op.f("pk_click_link_days")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("click_link_days", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_click_link_days_day"), ["day"], unique=False)

    op.create_table(
        "click_link_totals",
        sa.Column("link_id", sa.String(length=22), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name=op.f("fk_click_link_totals_link_id_links")),
        sa.PrimaryKeyConstraint("link_id", "verdict", name=op.f("pk_click_link_totals")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conversions",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("network_id", sa.String(length=22), nullable=False),
        sa.Column("transaction", sa.String(length=128), nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("click_id", sa.String(length=64), nullable=False),
        sa.Column("refunds_id", sa.String(length=22), nullable=True),
        sa.Column("refund_of", sa.String(length=128), nullable=False),
        sa.Column("partner_id", sa.String(length=22), nullable=True),
        sa.Column("link_id", sa.String(length=22), nullable=True),
        sa.Column("submission_id", sa.String(length=22), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("block_hash", sa.String(length=64), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rate_micros", sa.BigInteger(), nullable=False),
        sa.Column("euro_cents", sa.BigInteger(), nullable=False),
        sa.Column("earned_cents", sa.BigInteger(), nullable=False),
        sa.Column("at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("type IN ('sale', 'lead', 'refund')", name=op.f("ck_conversions_type")),
        sa.CheckConstraint("amount_cents >= 0 AND euro_cents >= 0", name=op.f("ck_conversions_amount")),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name=op.f("fk_conversions_link_id_links")),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_conversions_network_id_networks")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_conversions_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["refunds_id"], ["conversions.id"], name=op.f("fk_conversions_refunds_id_conversions")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["byop_submissions.id"],
            name=op.f("fk_conversions_submission_id_byop_submissions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversions")),
        sa.UniqueConstraint(
            "network_id", "transaction", "type", name=op.f("uq_conversions_network_id_transaction_type")
        ),
    )
    with op.batch_alter_table("conversions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conversions_link_id_at"), ["link_id", "at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_conversions_partner_id_recorded_at"), ["partner_id", "recorded_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_conversions_refunds_id"), ["refunds_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_conversions_submission_id_channel"), ["submission_id", "channel"], unique=False
        )

    op.create_table(
        "credits",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("partner_id", sa.String(length=22), nullable=False),
        sa.Column("conversion_id", sa.String(length=22), nullable=True),
        sa.Column("submission_id", sa.String(length=22), nullable=False),
        sa.Column("offer_id", sa.String(length=22), nullable=False),
        sa.Column("advertiser", sa.String(length=120), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("taken_cents", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("matures_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'held', 'available')", name=op.f("ck_credits_state")),
        sa.CheckConstraint("cents > 0 AND taken_cents BETWEEN 0 AND cents", name=op.f("ck_credits_cents")),
        sa.ForeignKeyConstraint(
            ["conversion_id"], ["conversions.id"], name=op.f("fk_credits_conversion_id_conversions")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_credits_offer_id_offers")),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name=op.f("fk_credits_partner_id_partners")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["byop_submissions.id"], name=op.f("fk_credits_submission_id_byop_submissions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits")),
        sa.UniqueConstraint("key", name=op.f("uq_credits_key")),
    )
    with op.batch_alter_table("credits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credits_conversion_id"), ["conversion_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credits_offer_id_day"), ["offer_id", "day"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_credits_partner_id_advertiser_at"),
            ["partner_id", "advertiser", "at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_credits_state_matures_at"), ["state", "matures_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_credits_submission_id_channel"), ["submission_id", "channel"], unique=False
        )

    op.create_table(
        "ledger_postings",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("partner_id", sa.String(length=22), nullable=True),
        sa.Column("conversion_id", sa.String(length=22), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversion_id"], ["conversions.id"], name=op.f("fk_ledger_postings_conversion_id_conversions")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_ledger_postings_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_postings")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_postings_key")),
    )
    with op.batch_alter_table("ledger_postings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_postings_conversion_id"), ["conversion_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ledger_postings_partner_id_at"), ["partner_id", "at"], unique=False
        )

    op.create_table(
        "holds",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("credit_id", sa.String(length=22), nullable=False),
        sa.Column("partner_id", sa.String(length=22), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("opened_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("released_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.String(length=22), nullable=True),
        sa.ForeignKeyConstraint(["credit_id"], ["credits.id"], name=op.f("fk_holds_credit_id_credits")),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name=op.f("fk_holds_partner_id_partners")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.UniqueConstraint("credit_id", "reason", name=op.f("uq_holds_credit_id_reason")),
    )
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holds_partner_id"), ["partner_id"], unique=False)

    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("posting_id", sa.String(length=22), nullable=False),
        sa.Column("account", sa.String(length=10), nullable=False),
        sa.Column("partner_id", sa.String(length=22), nullable=True),
        sa.Column("credit_id", sa.String(length=22), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(account IN ('network', 'programme')) = (partner_id IS NULL)",
            name=op.f("ck_ledger_entries_owner"),
        ),
        sa.CheckConstraint("amount_cents <> 0", name=op.f("ck_ledger_entries_amount")),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["credits.id"], name=op.f("fk_ledger_entries_credit_id_credits")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_ledger_entries_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["posting_id"],
            ["ledger_postings.id"],
            name=op.f("fk_ledger_entries_posting_id_ledger_postings"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_ledger_entries_account_amount_cents"), ["account", "amount_cents"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_ledger_entries_credit_id"), ["credit_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ledger_entries_partner_id_account_amount_cents"),
            ["partner_id", "account", "amount_cents"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_ledger_entries_posting_id"), ["posting_id"], unique=False)

    with op.batch_alter_table("byop_submissions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fixed_cents", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("click_cents", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("holding_days", sa.Integer(), nullable=False, server_default="30"))

    with op.batch_alter_table("clicks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ip_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("block_hash", sa.String(length=64), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_clicks_link_id_ip_hash_at"), ["link_id", "ip_hash", "at"], unique=False
        )

    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fixed_cents", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("click_cents", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("holding_days", sa.Integer(), nullable=False, server_default="30"))
        batch_op.add_column(sa.Column("daily_budget_cents", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("category", sa.String(length=32), nullable=False, server_default="other")
        )
        batch_op.add_column(sa.Column("starts_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("ends_on", sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column("brand_words", sa.String(length=1000), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column("brand_pictures", sa.String(length=2000), nullable=False, server_default="")
        )

    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _count_what_is_there("date(clicks.at)" if is_sqlite else "(clicks.at AT TIME ZONE 'UTC')::date")
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in ("clicks_count", "clicks_recount"):
        op.execute(f"DROP TRIGGER {name}" + ("" if is_sqlite else " ON clicks"))
    op.drop_column("offers", "brand_pictures")
    op.drop_column("offers", "brand_words")
    op.drop_column("offers", "ends_on")
    op.drop_column("offers", "starts_on")
    op.drop_column("offers", "category")
    op.drop_column("offers", "daily_budget_cents")
    op.drop_column("offers", "holding_days")
    op.drop_column("offers", "click_cents")
    op.drop_column("offers", "fixed_cents")

    op.drop_index(op.f("ix_clicks_link_id_ip_hash_at"), table_name="clicks")
    op.drop_column("clicks", "block_hash")
    op.drop_column("clicks", "ip_hash")

    op.drop_column("byop_submissions", "holding_days")
    op.drop_column("byop_submissions", "click_cents")
    op.drop_column("byop_submissions", "fixed_cents")

    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entries_posting_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_entries_partner_id_account_amount_cents"))
        batch_op.drop_index(batch_op.f("ix_ledger_entries_credit_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_entries_account_amount_cents"))

    op.drop_table("ledger_entries")
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holds_partner_id"))

    op.drop_table("holds")
    with op.batch_alter_table("ledger_postings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_postings_partner_id_at"))
        batch_op.drop_index(batch_op.f("ix_ledger_postings_conversion_id"))

    op.drop_table("ledger_postings")
    with op.batch_alter_table("credits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credits_submission_id_channel"))
        batch_op.drop_index(batch_op.f("ix_credits_state_matures_at"))
        batch_op.drop_index(batch_op.f("ix_credits_partner_id_advertiser_at"))
        batch_op.drop_index(batch_op.f("ix_credits_offer_id_day"))
        batch_op.drop_index(batch_op.f("ix_credits_conversion_id"))

    op.drop_table("credits")
    with op.batch_alter_table("conversions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conversions_submission_id_channel"))
        batch_op.drop_index(batch_op.f("ix_conversions_refunds_id"))
        batch_op.drop_index(batch_op.f("ix_conversions_partner_id_recorded_at"))
        batch_op.drop_index(batch_op.f("ix_conversions_link_id_at"))

    op.drop_table("conversions")
    op.drop_table("click_link_totals")
    with op.batch_alter_table("click_link_days", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_click_link_days_day"))

    op.drop_table("click_link_days")
    op.drop_table("contracts")
    op.drop_table("click_partner_days")
    op.drop_table("networks")
    op.drop_table("currency_rates")
