"""Short links, their clicks with verdicts, and the keys of the visitor hash."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, TypedDict

from sqlalchemy import (
    BigInteger,
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


class LinkRecord(TypedDict):
    """A link as programs read one."""

    code: str
    url: str
    submission_id: str
    channel: str
    variant: str


class ClickRecord(TypedDict):
    """A click as programs read one, without any hash; ``code`` and ``channel`` are its link's."""

    id: str
    code: str
    channel: str
    at: str | None
    verdict: str


class Link(Base):
    """A code bound to (submission, channel[, variant]); all that a redirect needs stands on it."""

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("submission_id", "channel", "variant"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("byop_submissions.id"))
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), index=True)
    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id"))
    channel: Mapped[str] = mapped_column(String(16))
    variant: Mapped[str] = mapped_column(String(16), default="")
    destination: Mapped[str] = mapped_column(String(2048))  # the offer's URL, its braces not yet filled
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    disabled_at: Mapped[datetime | None]
    waits_since: Mapped[datetime | None]  # of a post that waits for moderation: it answers as if unknown

    def to_dict(self, url: str) -> LinkRecord:
        return {
            "code": self.code,
            "url": url,
            "submission_id": self.submission_id,
            "channel": self.channel,
            "variant": self.variant,
        }


class LinkChange(Base):
    """A statement that changed or deleted links; triggers write it, whoever sends the statement."""

    __tablename__ = "link_changes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


_VALID_VISITOR: Final = text("visitor_lookup IS NOT NULL AND verdict = 'valid'")
_PERSON: Final = text("ip_lookup IS NOT NULL")


class Click(Base):
    """One hit with its verdict. No IP and no agent string: only keyed hashes and the agent's class.

    ``visitor_hash`` is of address and agent, ``ip_hash`` of the address, ``block_hash`` of its network
    block (/24, /48). Their key is destroyed within 48 hours. ``visitor_lookup`` and ``ip_lookup`` are where
    the first two are looked up (``contentflow.links.lookups``).
    """

    __tablename__ = "clicks"
    __table_args__ = (
        # Robots, which are not hashed, are in neither.
        Index(None, "visitor_lookup", sqlite_where=_VALID_VISITOR, postgresql_where=_VALID_VISITOR),
        Index(None, "ip_lookup", sqlite_where=_PERSON, postgresql_where=_PERSON),
        Index(None, "partner_id", "at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    link_id: Mapped[str] = mapped_column(ForeignKey("links.id"), index=True)
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))  # None: credited to nobody
    clicked_at: Mapped[datetime] = mapped_column("at")
    verdict: Mapped[str] = mapped_column(String(16))
    visitor_hash: Mapped[str | None] = mapped_column(String(64))
    ip_hash: Mapped[str | None] = mapped_column(String(64))
    block_hash: Mapped[str | None] = mapped_column(String(64))
    visitor_lookup: Mapped[int | None] = mapped_column(BigInteger)
    ip_lookup: Mapped[int | None] = mapped_column(BigInteger)
    agent_class: Mapped[str] = mapped_column(String(16))


class PartnerDay(Base):
    """A partner's clicks of one day in France, channel and verdict.

    Whoever writes clicks counts them here and in the two tables below, in the same transaction
    (``sums.write_clicks``); when one is reclassified, triggers move it. Sums stay when raw clicks go. The
    key's order serves “the valid clicks of the last 90 days”.
    """

    __tablename__ = "click_partner_days"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 (SQLAlchemy reads it so)

    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)


class LinkDay(Base):
    """A link's credited clicks of one day in France and verdict."""

    __tablename__ = "click_link_days"
    __table_args__ = (Index(None, "day"), {"sqlite_with_rowid": False})

    link_id: Mapped[str] = mapped_column(ForeignKey("links.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16), primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)


class LinkTotal(Base):
    """All credited clicks that a link ever had, by verdict."""

    __tablename__ = "click_link_totals"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    link_id: Mapped[str] = mapped_column(ForeignKey("links.id"), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16), primary_key=True)
    clicks: Mapped[int] = mapped_column(BigInteger)


class VisitorKey(Base):
    """The key of one UTC day's visitor hashes; it is destroyed within 48 hours of its first use."""

    __tablename__ = "visitor_keys"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(64))
