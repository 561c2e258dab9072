"""What the pages say of runs and payouts; asked for all rows of a page at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, literal, select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.ledger import payable as ledger
from contentflow.partners import services as partners
from contentflow.payouts import contesting, drafting, payees, runs
from contentflow.payouts.bank_reasons import reason_words
from contentflow.payouts.drafting import LeftOut
from contentflow.payouts.models import BankAccount
from contentflow.payouts.run_models import Invoice, Payout, PayoutRun, PayoutState, RunState, Transfer

MAX_PAYOUTS = 100


class ShownRow(NamedTuple):
    """A partner in a run; ``state`` is of this run's transfer, once there is one. Sums are cents."""

    partner_id: str
    payout_id: str
    name: str
    last_four: str
    lines: int
    net_cents: int
    vat_cents: int
    total_cents: int
    attempt: int
    state: str = "due"
    reason: str = ""
    invoice: str = ""
    contest: str = ""
    answer: str = ""


class RunPage(NamedTuple):
    """One run; ``digest`` is of what stands on the page while it may still be proposed or approved."""

    run: PayoutRun
    rows: Sequence[ShownRow]
    left_out: Sequence[LeftOut]
    names: Mapping[str, str]
    digest: str
    net_cents: int
    vat_cents: int
    total_cents: int

    @property
    def percent(self) -> int:
        return 100 * self.run.done // self.run.total if self.run.total else 0


class RunLine(NamedTuple):
    """A run in the list, with what it pays."""

    run: PayoutRun
    payouts: int
    total_cents: int


class PayoutLine(NamedTuple):
    """A payout as its partner reads it; ``label`` is the invoice's number, ``note`` a credit note's."""

    payout: Payout
    invoice: Invoice
    month: str
    paid_on: date | None
    note: str
    may_contest: bool

    @property
    def reason(self) -> str:
        return reason_words(self.payout.reason)

    @property
    def is_back(self) -> bool:
        return self.payout.state in (PayoutState.REJECTED, PayoutState.RETURNED)


class NextPayout(NamedTuple):
    """What a partner may expect: ``cents`` net on ``day``, unless something of ``missing`` is missing.

    ``again_cents`` is what a bank gave back, gross: the next run sends it once more.
    """

    cents: int
    again_cents: int
    day: date
    missing: Sequence[str]
    usable_at: datetime | None
    minimum_cents: int

    @property
    def is_enough(self) -> bool:
        return self.cents >= self.minimum_cents


def run_page(run_id: str) -> RunPage:
    """Raises ``UnknownRun``."""
    run = runs.get_run(run_id)
    if run.state in (RunState.DRAFT, RunState.PROPOSED):
        seen = drafting.preview(run)
        rows = [
            ShownRow(
                row.partner_id,
                row.payout_id,
                row.payee.legal_name,
                row.payee.bank.last_four if row.payee.bank else "",
                len(row.lines),
                row.net_cents,
                row.vat_cents,
                row.total_cents,
                row.attempt,
            )
            for row in seen.rows
        ]
        return _page(run, rows, seen.left_out, seen.digest)
    left_out = [LeftOut(*one) for one in run.left_out]
    return _page(run, _transferred(run), left_out, "")


def _page(run: PayoutRun, rows: list[ShownRow], left_out: Sequence[LeftOut], digest: str) -> RunPage:
    names = partners.names_of({one.partner_id for one in left_out} | {row.partner_id for row in rows})
    sums = (sum(getattr(row, f"{which}_cents") for row in rows) for which in ("net", "vat", "total"))
    return RunPage(run, rows, left_out, names, digest, *sums)


def _transferred(run: PayoutRun) -> list[ShownRow]:
    found = (
        select(Transfer, Payout, Invoice, BankAccount.last_four)
        .join(Payout, Payout.id == Transfer.payout_id)
        .join(Invoice, Invoice.payout_id == Payout.id)
        .join(BankAccount, BankAccount.id == Transfer.bank_account_id)
        .where(Transfer.run_id == run.id)
        .order_by(Invoice.label)
    )
    return [
        ShownRow(
            payout.partner_id,
            payout.id,
            str(invoice.facts["seller"]["legal_name"]),
            last_four,
            len(payout.lines),
            payout.net_cents,
            payout.vat_cents,
            payout.total_cents,
            transfer.attempt,
            payout.state if transfer.state == "open" else transfer.state,
            reason_words(transfer.reason) if transfer.reason else "",
            invoice.label,
            invoice.contest,
            invoice.answer,
        )
        for transfer, payout, invoice, last_four in db.session.execute(found)
    ]


def run_lines() -> list[RunLine]:
    """Return the runs, the newest first, with what they pay."""
    found = runs.list_runs()
    ids = [run.id for run in found]
    sums = (
        select(Transfer.run_id, func.count(), func.sum(Transfer.total_cents))
        .where(Transfer.run_id.in_(ids))
        .group_by(Transfer.run_id)
    )
    known = {row[0]: (row[1], int(row[2])) for row in db.session.execute(sums)}
    return [RunLine(run, *known.get(run.id, (0, 0))) for run in found]


_WAITS = (
    Invoice.contested_at.is_not(None),
    Invoice.answered_at.is_(None),
    Payout.state != PayoutState.CANCELLED,
)


def open_contests() -> list[tuple[Invoice, str]]:
    """Return the contested invoices that wait for an answer, the oldest first, each with its run."""
    found = select(Invoice, Payout.run_id).join(Payout, Payout.id == Invoice.payout_id).where(*_WAITS)
    oldest = found.order_by(Invoice.contested_at).limit(MAX_PAYOUTS)
    return [(invoice, run_id) for invoice, run_id in db.session.execute(oldest)]


def count_contests(name: str) -> Select[str, int, Any]:
    """Ask, under a name, how many contested invoices wait for an answer, and since when."""
    counted = select(literal(name), func.count(), func.min(Invoice.contested_at))
    return counted.join_from(Invoice, Payout, Payout.id == Invoice.payout_id).where(*_WAITS)


def find_invoice(label: str) -> tuple[Invoice, str] | None:
    """Return the invoice or credit note of a whole number, and the run that it is of."""
    invoice = db.session.scalar(select(Invoice).where(Invoice.label == label.upper()))
    if invoice is None:
        return None
    of = Invoice.id == (invoice.cancels_id or invoice.id)
    run_id = db.session.scalar(select(Payout.run_id).join(Invoice, Invoice.payout_id == Payout.id).where(of))
    return invoice, run_id or ""


def last_month() -> str:
    """Return the month that was over last, YYYY-MM."""
    first = clock.today().replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def payout_lines(partner_id: str) -> list[PayoutLine]:
    """Return a partner's payouts that were approved, the newest first."""
    found = (
        select(Payout, Invoice, PayoutRun.month)
        .join(Invoice, Invoice.payout_id == Payout.id)
        .join(PayoutRun, PayoutRun.id == Payout.run_id)
        .where(Payout.partner_id == partner_id)
        .order_by(Invoice.created_at.desc())
        .limit(MAX_PAYOUTS)
    )
    rows = list(db.session.execute(found))
    ids = [payout.id for payout, _, _ in rows]
    paid = select(Transfer.payout_id, Transfer.settled_on).where(
        Transfer.payout_id.in_(ids), Transfer.state == "paid"
    )
    days = {row[0]: row[1] for row in db.session.execute(paid)}
    cancelled = select(Invoice.cancels_id, Invoice.label).where(
        Invoice.cancels_id.in_([invoice.id for _, invoice, _ in rows])
    )
    notes = {row[0]: row[1] for row in db.session.execute(cancelled)}
    return [
        PayoutLine(
            payout,
            invoice,
            month,
            days.get(payout.id),
            notes.get(invoice.id, ""),
            contesting.may_contest(invoice, payout),
        )
        for payout, invoice, month in rows
    ]


def outlook(partner_id: str) -> NextPayout:
    """Return what the next run brings a partner, as things stand."""
    payee = payees.payee_of(partner_id)
    today, day = clock.today(), settings().payout_day
    first = today.replace(day=1) if today.day <= day else (today.replace(day=1) + timedelta(days=32))
    before = clock.start_of(first.replace(day=1))
    found = ledger.payable(before, [partner_id]).get(partner_id)
    back = (PayoutState.REJECTED, PayoutState.RETURNED)
    again = select(func.sum(Payout.total_cents)).where(
        Payout.partner_id == partner_id, Payout.state.in_(back)
    )
    return NextPayout(
        found.cents if found else 0,
        int(db.session.scalar(again) or 0),
        first.replace(day=day),
        [str(one) for one in payee.missing],
        payee.bank.usable_at if payee.bank else None,
        settings().payout_minimum_cents,
    )


def export_payouts(partner_id: str) -> list[dict[str, Any]]:
    """Return a partner's payouts for their export; no IBAN is in it."""
    return [
        {
            "id": line.payout.id,
            "month": line.month,
            "state": line.payout.state,
            "net_cents": line.payout.net_cents,
            "vat_cents": line.payout.vat_cents,
            "total_cents": line.payout.total_cents,
            "invoice": line.invoice.label,
            "credit_note": line.note or None,
            "issued_on": line.invoice.issued_on.isoformat(),
            "paid_on": line.paid_on.isoformat() if line.paid_on else None,
            "contest": line.invoice.contest or None,
            "answer": line.invoice.answer or None,
        }
        for line in payout_lines(partner_id)
    ]
