"""Networks and their conversions, the ledger, what holds money back, and contracts.

A posting is written after its legs: a trigger refuses it unless they sum to zero, and no leg may
come after it. Triggers refuse every change and deletion of both (see the migration).
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id

Number = BigInteger().with_variant(Integer, "sqlite")


class Network(Base):
    """Who reports conversions. The secret is sealed: ``network curl`` must be able to sign."""

    __tablename__ = "networks"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class CurrencyRate(Base):
    """``micros`` are millionths of a euro for one unit; each conversion keeps the one it met."""

    __tablename__ = "currency_rates"
    __table_args__ = (CheckConstraint("micros > 0", name="micros"),)

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    micros: Mapped[int] = mapped_column(BigInteger)
    set_at: Mapped[datetime] = mapped_column(default=clock.now)


class Conversion(Base):
    """A sale, a lead or a refund, as it was reported. Without ``partner_id`` it waits to be attached.

    ``unattributed`` says why it is nobody's: ``no_click``, ``unknown_click`` or ``account_erased``.

    What it owes to the click is copied: raw clicks go after 13 months, conversions stay 10 years.
    """

    __tablename__ = "conversions"
    __table_args__ = (
        UniqueConstraint("network_id", "transaction", "type"),
        CheckConstraint("type IN ('sale', 'lead', 'refund')", name="type"),
        CheckConstraint("amount_cents >= 0 AND euro_cents >= 0", name="amount"),
        Index(None, "partner_id", "recorded_at"),
        Index(None, "submission_id", "channel"),
        Index(None, "link_id", "at"),
        Index(None, "network_id", "refund_of"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    network_id: Mapped[str] = mapped_column(ForeignKey("networks.id"))
    transaction: Mapped[str] = mapped_column(String(128))
    type: Mapped[str] = mapped_column(String(8))
    click_id: Mapped[str] = mapped_column(String(64), default="")
    refunds_id: Mapped[str | None] = mapped_column(ForeignKey("conversions.id"), index=True)
    refund_of: Mapped[str] = mapped_column(String(128), default="")  # the sale's transaction
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))
    link_id: Mapped[str | None] = mapped_column(ForeignKey("links.id"))
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("byop_submissions.id"))
    channel: Mapped[str] = mapped_column(String(16), default="")
    unattributed: Mapped[str] = mapped_column(String(16), default="", server_default="")
    block_hash: Mapped[str | None] = mapped_column(String(64))
    amount_cents: Mapped[int] = mapped_column(BigInteger)  # minor units of the currency
    currency: Mapped[str] = mapped_column(String(3))
    rate_micros: Mapped[int] = mapped_column(BigInteger)
    euro_cents: Mapped[int] = mapped_column(BigInteger)
    earned_cents: Mapped[int] = mapped_column(BigInteger, default=0)  # of a refund: what it took
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class Credit(Base):
    """An amount a partner earned; as a whole it is ``pending``, ``held`` or ``available``.

    ``key`` names its source, so the same source never credits twice. ``units`` are paid clicks.
    """

    __tablename__ = "credits"
    __table_args__ = (
        CheckConstraint("cents > 0 AND taken_cents BETWEEN 0 AND cents", name="cents"),
        CheckConstraint("state IN ('pending', 'held', 'available')", name="state"),
        Index(None, "state", "matures_at"),
        Index(None, "partner_id", "advertiser", "at"),
        Index(None, "submission_id", "channel"),
        Index(None, "offer_id", "day"),
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
    taken_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(10), default="pending")
    matures_at: Mapped[datetime]
    at: Mapped[datetime] = mapped_column(default=clock.now)


class ClickBudget(Base):
    """The budget that an offer's clicks of a day that is over shared; None: without limit."""

    __tablename__ = "click_budgets"

    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    budget_cents: Mapped[int | None] = mapped_column(BigInteger)


class Hold(Base):
    """Why a credit is held; it stays so until every hold on it is released."""

    __tablename__ = "holds"
    __table_args__ = (UniqueConstraint("credit_id", "reason"), Index(None, "released_at", "opened_at"))

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    credit_id: Mapped[str] = mapped_column(ForeignKey("credits.id"))
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    reason: Mapped[str] = mapped_column(String(24))
    opened_at: Mapped[datetime] = mapped_column(default=clock.now)
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None] = mapped_column(String(22))


class Posting(Base):
    """One event of the ledger. ``key`` names its cause, so nothing is posted twice."""

    __tablename__ = "ledger_postings"
    __table_args__ = (Index(None, "partner_id", "at"), Index(None, "conversion_id"))

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))
    conversion_id: Mapped[str | None] = mapped_column(ForeignKey("conversions.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime] = mapped_column(default=clock.now)


class LedgerEntry(Base):
    """A leg. The posting's foreign key is checked at the commit, as the posting comes after its legs."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_cents <> 0", name="amount"),
        CheckConstraint("(account IN ('network', 'programme')) = (partner_id IS NULL)", name="owner"),
        Index(None, "partner_id", "account", "amount_cents"),
        Index(None, "account", "amount_cents"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    posting_id: Mapped[str] = mapped_column(
        ForeignKey("ledger_postings.id", deferrable=True, initially="DEFERRED"), index=True
    )
    account: Mapped[str] = mapped_column(String(10))
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))
    credit_id: Mapped[str | None] = mapped_column(ForeignKey("credits.id"), index=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)


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
