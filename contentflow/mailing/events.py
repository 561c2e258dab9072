"""What Brevo reports of mails: the lists as they came, each event once, and sums by day."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.jobs import JobMixin

_IS_OPEN = text("apply_at IS NOT NULL")


class BrevoList(JobMixin, Base):
    """The body of one call as it came, until its events are stored; ``id`` is its SHA-256."""

    __tablename__ = "brevo_lists"
    __table_args__ = (Index(None, "state", "next_attempt_at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class BrevoEvent(Base):
    """One event of one mail, once, whoever told it how often.

    No column is NULL in the unique key: NULL would let doubles in. ``message_id`` has no brackets; of opens
    and clicks it is a keyed hash, and they have neither address nor delivery (a click until it is applied):
    they count in sums alone. ``is_ours``: it belongs to a mail of ours. ``apply_at`` is when it is due to be
    applied to its delivery, NULL when it was, or has none.
    ``source`` is ``webhook``, or ``asked``: found when Brevo was asked what the webhook had told.
    """

    __tablename__ = "brevo_events"
    __table_args__ = (
        UniqueConstraint("message_id", "event", "address_hash", "ts_event"),
        Index("ix_brevo_events_apply_at", "apply_at", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(String(255))
    event: Mapped[str] = mapped_column(String(32))
    address_hash: Mapped[str] = mapped_column(String(64))
    ts_event: Mapped[datetime]
    delivery_id: Mapped[str | None] = mapped_column(ForeignKey("deliveries.id"), index=True)
    source: Mapped[str] = mapped_column(String(16))
    is_ours: Mapped[bool]
    apply_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class BrevoDay(JobMixin, Base):
    """A day (UTC) that Brevo is asked about; ``id`` is its date.

    ``received`` are the items of lists that came on it, ``unreadable`` those of them that said nothing;
    ``lost`` are the day's events of ours that only asking found; ``next_offset``
    is how far a reading came, ``read_at`` when the last one ended.
    """

    __tablename__ = "brevo_days"
    __table_args__ = (Index(None, "state", "next_attempt_at"),)

    id: Mapped[str] = mapped_column(String(10), primary_key=True)
    state: Mapped[str] = mapped_column(default="read", index=True)
    received: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    next_offset: Mapped[int] = mapped_column(default=0)
    read_at: Mapped[datetime | None]
