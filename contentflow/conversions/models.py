"""Networks and their reports, the rates of currencies, conversions, and the budgets that clicks shared."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id


class Network(Base):
    """Who reports conversions, and how (``mapping``, see the module of that name).

    Secret and token are encrypted: ``network curl`` must be able to sign, ``network url`` to print the
    address. While one is rotated, the one before it is good too; a secret for 30 days, if nobody ends it
    before. ``secret_used_at`` is written at most every ten minutes.
    """

    __tablename__ = "networks"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    secret_before: Mapped[bytes | None] = mapped_column(LargeBinary)
    token: Mapped[bytes | None] = mapped_column(LargeBinary)  # None: added before there were tokens
    secret_rotated_at: Mapped[datetime | None]
    secret_used_at: Mapped[datetime | None]
    secret_before_used_at: Mapped[datetime | None]
    token_before: Mapped[bytes | None] = mapped_column(LargeBinary)
    preset: Mapped[str] = mapped_column(String(16), default="generic", server_default="generic")
    mapping: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, server_default="{}")
    retired_at: Mapped[datetime | None]
    unsigned_at: Mapped[datetime | None]  # when one that nobody signed was last noted
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


_UNSIGNED = text("verdict = 'unsigned'")


class PostbackReport(Base):
    """What became of one report of a network, for ``network last`` and ``doctor``; no token, no IP.

    ``verdict`` is one of ``services.ReportOutcome``; ``reason`` says why it was refused, or credits nobody.
    ``unsigned`` ones may be anybody's: of each network a few are kept, and nothing is concluded from them.
    """

    __tablename__ = "postback_reports"
    __table_args__ = (
        Index(None, "network_id", "at"),
        Index(None, "at"),
        Index(
            "ix_postback_reports_unsigned", "network_id", "at",
            sqlite_where=_UNSIGNED, postgresql_where=_UNSIGNED,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    network_id: Mapped[str] = mapped_column(ForeignKey("networks.id"))
    reported_at: Mapped[datetime] = mapped_column("at", default=clock.now)
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(200), default="")
    transaction: Mapped[str] = mapped_column(String(128), default="")
    type: Mapped[str] = mapped_column(String(8), default="")
    state: Mapped[str] = mapped_column(String(10), default="")
    conversion_id: Mapped[str | None] = mapped_column(String(22))


class NetworkStatement(Base):
    """A network's statement as far as it was applied; ``digest`` is of the file and of how it was read.

    ``rows_done`` rows of it are never applied again, but for ``refused`` ones (their indexes).
    """

    __tablename__ = "network_statements"
    __table_args__ = (UniqueConstraint("network_id", "digest"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    network_id: Mapped[str] = mapped_column(ForeignKey("networks.id"))
    digest: Mapped[str] = mapped_column(String(64))
    rows_done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[list[int]] = mapped_column(JSON, default=list)
    started_at: Mapped[datetime] = mapped_column(default=clock.now)
    done_at: Mapped[datetime | None]


class CurrencyRate(Base):
    """``micros`` are millionths of a euro for one unit; each conversion keeps the one it met."""

    __tablename__ = "currency_rates"
    __table_args__ = (CheckConstraint("micros > 0", name="micros"),)

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    micros: Mapped[int] = mapped_column(BigInteger)
    set_at: Mapped[datetime] = mapped_column(default=clock.now)


_NOBODYS = text("partner_id IS NULL")
_REFUNDS = text("refunds_id IS NOT NULL")


class Conversion(Base):
    """A sale, a lead or a refund, as it was reported. Without ``partner_id`` it waits to be attributed.

    ``unattributed`` says why it is nobody's: ``no_click``, ``unknown_click`` or ``account_erased``.
    ``state`` is the network's latest word, ``changed_at`` its time where the network has one, ``state_at``
    when it came to us.

    What it owes to the click is copied: raw clicks go after 13 months, conversions stay 10 years.
    """

    __tablename__ = "conversions"
    __table_args__ = (
        UniqueConstraint("network_id", "transaction", "type"),
        CheckConstraint("type IN ('sale', 'lead', 'refund')", name="type"),
        CheckConstraint("amount_cents >= 0 AND euro_cents >= 0", name="amount"),
        CheckConstraint("state IN ('pending', 'approved', 'rejected')", name="state"),
        Index(None, "partner_id", "recorded_at"),
        Index(None, "recorded_at"),
        Index("ix_conversions_nobodys", "recorded_at", sqlite_where=_NOBODYS, postgresql_where=_NOBODYS),
        Index(None, "submission_id", "channel"),
        Index(None, "link_id", "at"),
        Index(None, "network_id", "refund_of"),
        Index(
            "ix_conversions_refunds",
            "partner_id",
            "refunds_id",
            sqlite_where=_REFUNDS,
            postgresql_where=_REFUNDS,
        ),
        Index(None, "partner_id", "block_hash", "at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    network_id: Mapped[str] = mapped_column(ForeignKey("networks.id"))
    transaction: Mapped[str] = mapped_column(String(128))
    type: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(10), default="approved", server_default="approved")
    state_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]
    click_id: Mapped[str] = mapped_column(String(64), default="")
    refunds_id: Mapped[str | None] = mapped_column(ForeignKey("conversions.id"), index=True)
    refund_of: Mapped[str] = mapped_column(String(128), default="")  # the sale's transaction
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))
    link_id: Mapped[str | None] = mapped_column(ForeignKey("links.id"))
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("byop_submissions.id"))
    channel: Mapped[str] = mapped_column(String(16), default="")
    unattributed: Mapped[str] = mapped_column(String(16), default="", server_default="")
    block_hash: Mapped[str | None] = mapped_column(String(64))
    dismissed_at: Mapped[datetime | None]  # looked at: nobody's
    amount_cents: Mapped[int] = mapped_column(BigInteger)  # minor units of the currency
    currency: Mapped[str] = mapped_column(String(3))
    rate_micros: Mapped[int] = mapped_column(BigInteger)
    euro_cents: Mapped[int] = mapped_column(BigInteger)
    earned_cents: Mapped[int] = mapped_column(BigInteger, default=0)  # of a refund: what it took
    occurred_at: Mapped[datetime] = mapped_column("at")
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class ClickBudget(Base):
    """The budget that an offer's clicks of a day that is over shared; None: without limit."""

    __tablename__ = "click_budgets"

    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    budget_cents: Mapped[int | None] = mapped_column(BigInteger)
