"""What is promoted, and how it pays."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id


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
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
