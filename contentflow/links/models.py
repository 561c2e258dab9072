"""Short links, their clicks with verdicts, and the keys of the visitor hash."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id


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


class Click(Base):
    """One hit with its verdict. No IP and no agent string: only keyed hashes and the agent's class.

    ``visitor_hash`` is of address and agent, ``ip_hash`` of the address, ``block_hash`` of its network
    block (/24, /48). Their key is destroyed within 48 hours.
    """

    __tablename__ = "clicks"
    __table_args__ = (
        Index(None, "link_id", "visitor_hash", "at"),
        Index(None, "link_id", "ip_hash", "at"),
        Index(None, "partner_id", "at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    link_id: Mapped[str] = mapped_column(ForeignKey("links.id"))
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))  # None: credited to nobody
    at: Mapped[datetime]
    verdict: Mapped[str] = mapped_column(String(16))
    visitor_hash: Mapped[str | None] = mapped_column(String(64))
    ip_hash: Mapped[str | None] = mapped_column(String(64))
    block_hash: Mapped[str | None] = mapped_column(String(64))
    agent_class: Mapped[str] = mapped_column(String(16))


class VisitorKey(Base):
    """The key of one UTC day's visitor hashes; it is destroyed within 48 hours of its first use."""

    __tablename__ = "visitor_keys"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(32))
