"""What is promoted, and how it pays."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, TypedDict

from sqlalchemy import CheckConstraint, Date, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id


class OfferRecord(TypedDict):
    """An offer as programs read one; ``share`` and ``commission`` are such as “40 %”."""

    id: str
    number: int
    name: str
    advertiser: str
    category: str
    holding_days: int
    share: str
    commission: str | None
    state: Literal["active", "paused"]


class Offer(Base):
    """``url`` is https and may hold {click_id} {partner_id} {submission_id} {channel}."""

    __tablename__ = "offers"
    __table_args__ = (CheckConstraint("revshare_bp BETWEEN 0 AND 10000", name="revshare_bp"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(unique=True)  # the order of adding: the first is the default
    name: Mapped[str] = mapped_column(String(120))
    advertiser: Mapped[str] = mapped_column(String(120), default="")
    url: Mapped[str] = mapped_column(String(2048))
    revshare_bp: Mapped[int]
    fixed_cents: Mapped[int] = mapped_column(default=0)  # a sale or lead, on top of the share
    click_cents: Mapped[int] = mapped_column(default=0)  # a valid click
    commission_bp: Mapped[int | None]  # what the advertiser pays of a sale, where it is known
    holding_days: Mapped[int] = mapped_column(default=30)
    daily_budget_cents: Mapped[int | None]  # the most that its clicks earn a day
    category: Mapped[str] = mapped_column(String(32), default="other")
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    description: Mapped[str] = mapped_column(Text, default="")
    picture_digest: Mapped[str] = mapped_column(String(64), default="")  # "" without a picture
    brand_words: Mapped[str] = mapped_column(String(1000), default="")
    brand_pictures: Mapped[str] = mapped_column(String(2000), default="")  # https URLs, one a line
    form_hash: Mapped[str | None] = mapped_column(
        String(64), index=True, unique=True
    )  # of the form that made it
    is_active: Mapped[bool] = mapped_column(default=True)
    paused_at: Mapped[datetime | None]  # closed to new posts; those it has go on
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    def to_dict(self) -> OfferRecord:
        return {
            "id": self.id,
            "number": self.number,
            "name": self.name,
            "advertiser": self.advertiser,
            "category": self.category,
            "holding_days": self.holding_days,
            "share": f"{self.revshare_bp / 100:g} %",
            "commission": None if self.commission_bp is None else f"{self.commission_bp / 100:g} %",
            "state": "paused" if self.paused_at or not self.is_active else "active",
        }


class OfferPicture(Base):
    """The picture of an offer, as it was given; small enough to stand in the database."""

    __tablename__ = "offer_pictures"

    offer_id: Mapped[str] = mapped_column(String(22), ForeignKey("offers.id"), primary_key=True)
    mimetype: Mapped[str] = mapped_column(String(32))
    content: Mapped[bytes] = mapped_column(LargeBinary)
