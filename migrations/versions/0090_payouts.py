"""Runs, payouts, invoices, transfers and bank reports.

Triggers refuse marks of one partner that overlap, a number that follows no other, and the end or change of
an invoice. A payout goes while its run was not approved; what was invoiced stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
OVERLAP = "the marks of payouts overlap"
GAP = "the numbers of a series have no gap"
KEPT = "an invoice is kept as it is"
IS_OVERLAP = (
    "EXISTS (SELECT 1 FROM payouts WHERE partner_id = NEW.partner_id AND id <> NEW.id "
    "AND covers_from < NEW.covers_to AND NEW.covers_from < covers_to)"
)
IS_GAP = (
    "NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM invoices WHERE partner_id = NEW.partner_id "
    "AND year = NEW.year AND number = NEW.number - 1 AND issued_on <= NEW.issued_on)"
)
FIXED = (
    *("id", "payout_id", "cancels_id", "partner_id", "year", "number", "label", "issued_on", "due_on"),
    *("net_cents", "vat_cents", "total_cents", "xml_sha256", "pdf_sha256", "created_at"),
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _create_runs()
    _create_payouts()
    _create_invoices()
    _create_transfers()
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.execute(statement)


def _key(table: str, column: str, of: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{of}.id"], name=op.f(f"fk_{table}_{column}_{of}"))


def _create_runs() -> None:
    op.create_table(
        "payout_runs",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("drafted_by", sa.String(22), nullable=False),
        sa.Column("drafted_at", TIME, nullable=False),
        sa.Column("proposed_by", sa.String(22)),
        sa.Column("proposed_at", TIME),
        sa.Column("digest", sa.String(64)),
        sa.Column("approving_by", sa.String(22)),
        sa.Column("approving_at", TIME),
        sa.Column("approved_digest", sa.String(64)),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("leased_until", TIME),
        sa.Column("failure", sa.JSON()),
        sa.Column("approved_by", sa.String(22)),
        sa.Column("approved_at", TIME),
        sa.Column("is_solo", sa.Boolean(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("bank_file", sa.LargeBinary()),
        sa.Column("executes_on", sa.Date()),
        sa.Column("fetched_at", TIME),
        sa.Column("sent_on", sa.Date()),
        sa.Column("closed_at", TIME),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'proposed', 'approved', 'filed', 'closed', 'withdrawn')",
            name=op.f("ck_payout_runs_state"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by OR is_solo",
            name=op.f("ck_payout_runs_two_people"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_runs")),
    )
    _partial("uq_payout_runs_month", "payout_runs", "month", "state <> 'withdrawn'")
    _partial("uq_payout_runs_proposed", "payout_runs", "state", "state = 'proposed'")
    op.create_table(
        "bank_reports",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("read_by", sa.String(22), nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        sa.Column("verdicts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_reports")),
        sa.UniqueConstraint("sha256", name=op.f("uq_bank_reports_sha256")),
    )


def _partial(name: str, table: str, column: str, which: str) -> None:
    where = sa.text(which)
    op.create_index(name, table, [column], unique=True, sqlite_where=where, postgresql_where=where)


def _create_payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("run_id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("covers_from", sa.BigInteger(), nullable=False),
        sa.Column("covers_to", sa.BigInteger(), nullable=False),
        sa.Column("bank_account_id", sa.String(22), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "state IN ('due', 'sending', 'paid', 'rejected', 'returned', 'cancelled')",
            name=op.f("ck_payouts_state"),
        ),
        sa.CheckConstraint("net_cents > 0 AND vat_cents >= 0", name=op.f("ck_payouts_cents")),
        sa.CheckConstraint("total_cents = net_cents + vat_cents", name=op.f("ck_payouts_total")),
        sa.CheckConstraint("covers_from < covers_to", name=op.f("ck_payouts_marks")),
        _key("payouts", "run_id", "payout_runs"),
        _key("payouts", "partner_id", "partners"),
        _key("payouts", "bank_account_id", "bank_accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("run_id", "partner_id", name=op.f("uq_payouts_run_id_partner_id")),
        sa.UniqueConstraint("partner_id", "covers_from", name=op.f("uq_payouts_partner_id_covers_from")),
        sa.UniqueConstraint("partner_id", "covers_to", name=op.f("uq_payouts_partner_id_covers_to")),
    )
    op.create_index(op.f("ix_payouts_state"), "payouts", ["state"])


def _create_invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("payout_id", sa.String(22)),
        sa.Column("cancels_id", sa.String(22)),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("xml_sha256", sa.String(64), nullable=False),
        sa.Column("pdf_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("accepted_at", TIME),
        sa.Column("contested_at", TIME),
        sa.Column("contest", sa.String(500), nullable=False),
        sa.CheckConstraint("number > 0 AND total_cents > 0", name=op.f("ck_invoices_positive")),
        sa.CheckConstraint("(payout_id IS NULL) <> (cancels_id IS NULL)", name=op.f("ck_invoices_of")),
        _key("invoices", "payout_id", "payouts"),
        _key("invoices", "cancels_id", "invoices"),
        _key("invoices", "partner_id", "partners"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("partner_id", "year", "number", name=op.f("uq_invoices_partner_id_year_number")),
        sa.UniqueConstraint("label", name=op.f("uq_invoices_label")),
        sa.UniqueConstraint("payout_id", name=op.f("uq_invoices_payout_id")),
        sa.UniqueConstraint("cancels_id", name=op.f("uq_invoices_cancels_id")),
    )
    op.create_index(op.f("ix_invoices_issued_on"), "invoices", ["issued_on"])


def _create_transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("payout_id", sa.String(22), nullable=False),
        sa.Column("run_id", sa.String(22), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("end_to_end_id", sa.String(35), nullable=False),
        sa.Column("bank_account_id", sa.String(22), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("paid_on", sa.Date()),
        sa.Column("settled_on", sa.Date()),
        sa.Column("settled_at", TIME),
        sa.CheckConstraint(
            "state IN ('planned', 'open', 'paid', 'rejected', 'returned', 'cancelled')",
            name=op.f("ck_transfers_state"),
        ),
        sa.CheckConstraint("total_cents > 0 AND attempt > 0", name=op.f("ck_transfers_positive")),
        _key("transfers", "payout_id", "payouts"),
        _key("transfers", "run_id", "payout_runs"),
        _key("transfers", "bank_account_id", "bank_accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("payout_id", "attempt", name=op.f("uq_transfers_payout_id_attempt")),
        sa.UniqueConstraint("end_to_end_id", name=op.f("uq_transfers_end_to_end_id")),
    )
    op.create_index(op.f("ix_transfers_run_id_state"), "transfers", ["run_id", "state"])
    _partial("uq_transfers_open", "transfers", "payout_id", "state IN ('planned', 'open')")


def _changed() -> str:
    return " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in FIXED)


def _sqlite() -> list[str]:
    def refuse(name: str, when: str, sentence: str) -> str:
        return f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"

    changed = _changed().replace("IS DISTINCT FROM", "IS NOT")
    replaced = "EXISTS (SELECT 1 FROM invoices WHERE id = NEW.id OR label = NEW.label)"
    return [
        refuse("payouts_apart", f"INSERT ON payouts WHEN {IS_OVERLAP}", OVERLAP),
        refuse("payouts_stay_apart", f"UPDATE ON payouts WHEN {IS_OVERLAP}", OVERLAP),
        refuse("invoices_no_gap", f"INSERT ON invoices WHEN {IS_GAP}", GAP),
        refuse("invoices_no_replace", f"INSERT ON invoices WHEN {replaced}", KEPT),
        refuse("invoices_no_change", f"UPDATE ON invoices WHEN {changed}", KEPT),
        refuse("invoices_no_delete", "DELETE ON invoices", KEPT),
    ]


def _postgresql() -> list[str]:
    def function(name: str, condition: str, sentence: str) -> str:
        return (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {condition} THEN RAISE EXCEPTION '{sentence}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
            "RETURN NEW; END $$"
        )

    def trigger(name: str, when: str, function: str, each: str = "ROW") -> str:
        return f"CREATE TRIGGER {name} BEFORE {when} FOR EACH {each} EXECUTE FUNCTION {function}()"

    return [
        function("payouts_check_marks", IS_OVERLAP, OVERLAP),
        trigger("payouts_apart", "INSERT OR UPDATE ON payouts", "payouts_check_marks"),
        function("invoices_check_number", IS_GAP, GAP),
        trigger("invoices_no_gap", "INSERT ON invoices", "invoices_check_number"),
        function("invoices_check_change", _changed(), KEPT),
        trigger("invoices_no_change", "UPDATE ON invoices", "invoices_check_change"),
        function("invoices_keep", "true", KEPT),
        trigger("invoices_no_delete", "DELETE ON invoices", "invoices_keep"),
        trigger("invoices_no_truncate", "TRUNCATE ON invoices", "invoices_keep", "STATEMENT"),
    ]


def downgrade() -> None:
    for table in ("transfers", "invoices", "payouts", "bank_reports", "payout_runs"):
        op.drop_table(table)  # Its triggers go with it.
    if op.get_bind().dialect.name != "sqlite":
        for name in (
            "payouts_check_marks",
            "invoices_check_number",
            "invoices_check_change",
            "invoices_keep",
        ):
            op.execute(f"DROP FUNCTION {name}()")
