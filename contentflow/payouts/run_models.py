"""Runs, what each pays to whom, the invoices, the transfers, and what the bank reported.

Triggers keep the marks of one partner from overlapping, the numbers of a series without a gap, and every
invoice where it is (see the migration).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id


class RunState(StrEnum):
    """``filed``: the bank's file was fetched; ``closed``: each of its transfers is settled."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    FILED = "filed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class PayoutState(StrEnum):
    """``due``: nothing left the house yet; ``rejected`` and ``returned`` wait for the next run."""

    DUE = "due"
    SENDING = "sending"
    PAID = "paid"
    REJECTED = "rejected"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class TransferState(StrEnum):
    """``planned``: in a run that is not approved; ``open``: the bank says later what became of it."""

    PLANNED = "planned"
    OPEN = "open"
    PAID = "paid"
    REJECTED = "rejected"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class AnswerOutcome(StrEnum):
    """``agreed``: the partner is right, and a line of the next invoice mends it; ``refused``: it is right."""

    AGREED = "agreed"
    REFUSED = "refused"


PENDING_TRANSFERS: Final = (TransferState.PLANNED, TransferState.OPEN)
_STANDS = text("state <> 'withdrawn'")
_PROPOSED = text("state = 'proposed'")
_PENDING = text("state IN ('planned', 'open')")
_CONTESTED = text("contested_at IS NOT NULL")


class PayoutRun(Base):
    """All that is paid for a month. ``digest`` is of what the proposer saw, ``approved_digest`` the other's.

    From ``approving_at`` the invoices are made, ``done`` of ``total`` so far, by whoever holds the row until
    ``leased_until``; ``failure`` says why the last approval came to nothing. ``left_out`` are (partner,
    reason, cents) of those the run does not pay. ``bank_file`` is encrypted; once it was fetched it never
    changes.
    """

    __tablename__ = "payout_runs"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'proposed', 'approved', 'filed', 'closed', 'withdrawn')", name="state"
        ),
        CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by OR is_solo", name="two_people"),
        Index("uq_payout_runs_month", "month", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
        # One run at a time is on its way to be approved: the marks of the next begin where its marks end.
        Index(
            "uq_payout_runs_proposed", "state", unique=True,
            sqlite_where=_PROPOSED, postgresql_where=_PROPOSED,
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    month: Mapped[str] = mapped_column(String(7))
    state: Mapped[str] = mapped_column(String(10), default="draft")
    drafted_by: Mapped[str] = mapped_column(String(22))
    drafted_at: Mapped[datetime] = mapped_column(default=clock.now)
    proposed_by: Mapped[str | None] = mapped_column(String(22))
    proposed_at: Mapped[datetime | None]
    digest: Mapped[str | None] = mapped_column(String(64))
    approving_by: Mapped[str | None] = mapped_column(String(22))
    approving_at: Mapped[datetime | None]
    approved_digest: Mapped[str | None] = mapped_column(String(64))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    failure: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    approved_by: Mapped[str | None] = mapped_column(String(22))
    approved_at: Mapped[datetime | None]
    is_solo: Mapped[bool] = mapped_column(default=False)
    left_out: Mapped[list[Any]] = mapped_column(JSON, default=list)
    bank_file: Mapped[bytes | None] = mapped_column(LargeBinary)
    executes_on: Mapped[date | None] = mapped_column(Date)
    fetched_at: Mapped[datetime | None]
    sent_on: Mapped[date | None] = mapped_column(Date)
    closed_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(500), default="")


class Payout(Base):
    """What a run pays to one partner: their ``available`` entries after ``covers_from``, to ``covers_to``.

    Cents: the ledger is net, the invoice total. ``lines`` are the invoice's, as {advertiser, kind, month,
    cents}. ``reason`` is why the last transfer came to nothing.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint(
            "state IN ('due', 'sending', 'paid', 'rejected', 'returned', 'cancelled')", name="state"
        ),
        CheckConstraint("net_cents > 0 AND vat_cents >= 0", name="cents"),
        CheckConstraint("total_cents = net_cents + vat_cents", name="total"),
        CheckConstraint("covers_from < covers_to", name="marks"),
        UniqueConstraint("run_id", "partner_id"),
        UniqueConstraint("partner_id", "covers_from"),
        UniqueConstraint("partner_id", "covers_to"),
        Index(None, "state"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(ForeignKey("payout_runs.id"))
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    state: Mapped[str] = mapped_column(String(10), default="due")
    net_cents: Mapped[int] = mapped_column(BigInteger)
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    covers_from: Mapped[int] = mapped_column(BigInteger)
    covers_to: Mapped[int] = mapped_column(BigInteger)
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_accounts.id"))
    lines: Mapped[list[Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Invoice(Base):
    """An invoice that we wrote in the partner's name, or the credit note that cancels one.

    ``number`` counts within the partner's own series and the year; the document is a file of the same id,
    and ``facts`` is all that it says. A credit note's cents are positive too, and its ``payout_id`` is empty.
    ``answer`` is what the team said to a contest, in words that the partner reads.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("partner_id", "year", "number"),
        UniqueConstraint("label"),
        UniqueConstraint("payout_id"),
        UniqueConstraint("cancels_id"),
        CheckConstraint("number > 0 AND total_cents > 0", name="positive"),
        CheckConstraint("(payout_id IS NULL) <> (cancels_id IS NULL)", name="of"),
        CheckConstraint("answer_outcome IN ('agreed', 'refused')", name="answer_outcome"),
        Index(None, "issued_on"),
        Index("ix_invoices_contested", "contested_at", sqlite_where=_CONTESTED, postgresql_where=_CONTESTED),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    payout_id: Mapped[str | None] = mapped_column(ForeignKey("payouts.id"))
    cancels_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"))
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    year: Mapped[int]
    number: Mapped[int]
    label: Mapped[str] = mapped_column(String(32))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    issued_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date] = mapped_column(Date)
    net_cents: Mapped[int] = mapped_column(BigInteger)
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    xml_sha256: Mapped[str] = mapped_column(String(64))
    pdf_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    accepted_at: Mapped[datetime | None]
    contested_at: Mapped[datetime | None]
    contest: Mapped[str] = mapped_column(String(500), default="")
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(500), default="", server_default="")
    answer_outcome: Mapped[str | None] = mapped_column(String(8))

    @property
    def is_credit_note(self) -> bool:
        return self.cancels_id is not None


class Transfer(Base):
    """One try to pay a payout, in one run's file. At most one of a payout is planned or open."""

    __tablename__ = "transfers"
    __table_args__ = (
        CheckConstraint(
            "state IN ('planned', 'open', 'paid', 'rejected', 'returned', 'cancelled')", name="state"
        ),
        CheckConstraint("total_cents > 0 AND attempt > 0", name="positive"),
        UniqueConstraint("payout_id", "attempt"),
        UniqueConstraint("end_to_end_id"),
        Index(
            "uq_transfers_open", "payout_id", unique=True, sqlite_where=_PENDING, postgresql_where=_PENDING
        ),
        Index(None, "run_id", "state"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    payout_id: Mapped[str] = mapped_column(ForeignKey("payouts.id"))
    run_id: Mapped[str] = mapped_column(ForeignKey("payout_runs.id"))
    attempt: Mapped[int]
    end_to_end_id: Mapped[str] = mapped_column(String(35))
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_accounts.id"))
    total_cents: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10), default="planned")
    reason: Mapped[str] = mapped_column(String(300), default="")
    paid_on: Mapped[date | None] = mapped_column(Date)
    settled_on: Mapped[date | None] = mapped_column(Date)
    settled_at: Mapped[datetime | None]


class BankReport(Base):
    """A report of the bank that was read; ``verdicts`` counts its lines by verdict."""

    __tablename__ = "bank_reports"
    __table_args__ = (UniqueConstraint("sha256"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    sha256: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    read_by: Mapped[str] = mapped_column(String(22))
    read_at: Mapped[datetime] = mapped_column(default=clock.now)
    verdicts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
