"""Sums of days and months, and what has changed since they were made."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from sqlalchemy import BigInteger, Date, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core.db import Base

By = Literal["day", "offer", "partner", "channel", "variant"]
CUTS: Final[tuple[By, ...]] = ("offer", "partner", "channel", "variant")
CLICKS: Final = "clicks_"


class FigureSum(Base):
    """What is of a ``key`` (an id or a name, "" for nobody's) in a French day, or in a month by its first.

    ``clicks_`` and a verdict are hits; ``earned_cents`` is less what was reversed.
    """

    __tablename__ = "figure_sums"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 (SQLAlchemy reads it so)

    cut: Mapped[str] = mapped_column(String(8), primary_key=True)
    span: Mapped[str] = mapped_column(String(5), primary_key=True)  # day, month
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[str] = mapped_column(String(22), primary_key=True)
    presses: Mapped[int] = mapped_column(BigInteger, default=0)
    conversions: Mapped[int] = mapped_column(BigInteger, default=0)
    earned_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    paid_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    mails: Mapped[int] = mapped_column(BigInteger, default=0)
    clicks_prefetch: Mapped[int] = mapped_column(BigInteger, default=0)
    clicks_preview_bot: Mapped[int] = mapped_column(BigInteger, default=0)
    clicks_bot: Mapped[int] = mapped_column(BigInteger, default=0)
    clicks_self: Mapped[int] = mapped_column(BigInteger, default=0)
    clicks_fraud: Mapped[int] = mapped_column(BigInteger, default=0)
    clicks_duplicate: Mapped[int] = mapped_column(BigInteger, default=0)
    clicks_valid: Mapped[int] = mapped_column(BigInteger, default=0)


class FigureChange(Base):
    """Something changed in an ``hour`` of UTC (``2026-11-28 13``), or in days of a month (``2026-11``).

    Triggers add them. On PostgreSQL there may be many of an hour: whoever would leave one out because there
    is one already could not know that it is not being worked off.
    """

    __tablename__ = "figure_changes"
    __table_args__ = (Index(None, "hour"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    hour: Mapped[str] = mapped_column(String(13))
