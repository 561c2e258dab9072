"""Commissions, what holds them back, contracts, and the double entry under it all.

A transaction is written after its legs: a trigger refuses it unless they sum to zero, and no leg may
come after it. Triggers refuse every change and deletion of both (see the migration).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id

Number = BigInteger().with_variant(Integer, "sqlite")
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # when matures what is not approved yet


class TransactionKind(StrEnum):
    """What a transaction is of, by the word that stands in the database."""

    SALE = "sale"
    LEAD = "lead"
    CLICKS = "clicks"
    ATTRIBUTE = "attach"
    APPROVE = "approve"
    SUSPEND = "suspend"  # approved no longer, rejected neither
    CORRECT = "correct"
    REJECT = "reject"
    RESTORE = "restore"  # rejected no longer
    REFUND = "refund"
    CLAWBACK = "clawback"
    MATURE = "release"
    HOLD = "hold"
    RELEASE = "unhold"
    CARRY = "carried"
    PAYOUT = "payout"  # taken by a run, to be paid
    PAID = "paid"
    RETURNED = "returned"  # it came back, and is to be paid again
    CANCELLED = "cancelled"  # an invoice was cancelled: available again


@dataclass(frozen=True, kw_only=True)
class Source:
    """What earned: a conversion, or a day's clicks. ``key`` names it once and for all."""

    key: str
    kind: str
    partner_id: str
    submission_id: str
    offer_id: str
    advertiser: str
    channel: str
    day: date
    holding_days: int
    conversion_id: str | None = None
    units: int = 1


class Commission(Base):
    """An amount a partner earned; as a whole it is ``pending``, ``held`` or ``available``.

    ``key`` names its source, so the same source never earns twice. ``units`` are paid clicks. What matures
    at ``NEVER`` waits for the advertiser's approval and counts for no contract; ``earned_at`` is then set to
    the approval. ``clawed_cents`` is the part of ``reversed_cents`` that an operator took by name.
    """

    __tablename__ = "credits"
    __table_args__ = (
        CheckConstraint("cents > 0 AND taken_cents BETWEEN 0 AND cents", name="cents"),
        CheckConstraint("state IN ('pending', 'held', 'available')", name="state"),
        Index(None, "state", "matures_at"),
        Index(None, "partner_id", "advertiser", "at"),
        Index(None, "submission_id", "channel"),
        Index(None, "offer_id", "day"),
        Index(None, "day"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(8))  # sale, lead, clicks
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    conversion_id: Mapped[str | None] = mapped_column(ForeignKey("conversions.id"), index=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("byop_submissions.id"))
    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id"))
    advertiser: Mapped[str] = mapped_column(String(120))
    channel: Mapped[str] = mapped_column(String(16))
    day: Mapped[date] = mapped_column(Date)
    units: Mapped[int] = mapped_column(default=1)
    cents: Mapped[int] = mapped_column(BigInteger)
    reversed_cents: Mapped[int] = mapped_column("taken_cents", BigInteger, default=0)
    clawed_cents: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    state: Mapped[str] = mapped_column(String(10), default="pending")
    matures_at: Mapped[datetime]
    earned_at: Mapped[datetime] = mapped_column("at", default=clock.now)

    @property
    def is_approved(self) -> bool:
        return self.matures_at < NEVER

    @property
    def left_cents(self) -> int:
        return self.cents - self.reversed_cents


class EarnedYear(Base):
    """What a partner earned with an advertiser in a French year, less what was reversed of it.

    Triggers on ``credits`` keep it in step, whoever writes there; what waits for approval is not in it.
    """

    __tablename__ = "earned_years"
    __table_args__ = (Index(None, "year", "cents"), {"sqlite_with_rowid": False})

    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    advertiser: Mapped[str] = mapped_column(String(120), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    cents: Mapped[int] = mapped_column(BigInteger)


_OPEN = text("released_at IS NULL AND kept_at IS NULL")


class Hold(Base):
    """Why a commission is held; it stays so until every hold on it is released."""

    __tablename__ = "holds"
    __table_args__ = (
        UniqueConstraint("credit_id", "reason"),
        Index(None, "released_at", "opened_at"),
        Index(None, "reason", "opened_at"),
        Index(None, "opened_at"),
        Index("ix_holds_open", "reason", "opened_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    commission_id: Mapped[str] = mapped_column("credit_id", ForeignKey("credits.id"))
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    reason: Mapped[str] = mapped_column(String(24))
    opened_at: Mapped[datetime] = mapped_column(default=clock.now)
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None] = mapped_column(String(22))
    kept_at: Mapped[datetime | None]  # looked at, and held on


class LedgerTransaction(Base):
    """One event of the ledger. ``key`` names its cause, so nothing is posted twice."""

    __tablename__ = "ledger_postings"
    __table_args__ = (Index(None, "partner_id", "at"), Index(None, "conversion_id"))

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))
    conversion_id: Mapped[str | None] = mapped_column(ForeignKey("conversions.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
    posted_at: Mapped[datetime] = mapped_column("at", default=clock.now)


class LedgerEntry(Base):
    """A leg. The transaction's foreign key is checked at the commit: the transaction comes after its legs."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_cents <> 0", name="amount"),
        CheckConstraint("(account IN ('network', 'programme')) = (partner_id IS NULL)", name="owner"),
        Index(None, "partner_id", "account", "amount_cents"),
        Index(None, "account", "amount_cents"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    transaction_id: Mapped[str] = mapped_column(
        "posting_id",
        ForeignKey("ledger_postings.id", deferrable=True, initially="DEFERRED"),
        index=True,
    )
    account: Mapped[str] = mapped_column(String(10))
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))
    commission_id: Mapped[str | None] = mapped_column("credit_id", ForeignKey("credits.id"), index=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)


class LedgerFold(Base):
    """Names a transaction that goes in this very transaction: all others the database refuses to delete.

    It takes none that is younger than ten years by its own clock. Between transactions it is empty.
    """

    __tablename__ = "ledger_folds"

    transaction_id: Mapped[str] = mapped_column("posting_id", String(22), primary_key=True)


class Contract(Base):
    """A contract's version that the partner accepted with one advertiser."""

    __tablename__ = "contracts"
    __table_args__ = (UniqueConstraint("partner_id", "advertiser", "version"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    advertiser: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(40))
    accepted_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
