"""What the partner did with a kit."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from sqlalchemy import ColumnElement, ForeignKey, Index, String, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.mailing.models import Delivery

MESSAGE_LENGTH = 2_000


class ShareLogRecord(TypedDict):
    """A share as programs read one; ``recipients`` are those whose mails were not taken back."""

    id: str
    submission_id: str
    channel: str
    recipients: int
    at: str | None
    variant: str
    turn: int | None
    chance_bp: int | None


class ShareLog(Base):
    """One press of a share button, or one e-mail send with its number of recipients.

    ``send_id`` leads to the mails of a send: those that were taken back are no share. ``variant`` is the one
    that was shared; ``turn`` and ``chance_bp`` (of the second variant, then) only where the lot chose it.
    """

    __tablename__ = "contact_share_logs"
    __table_args__ = (
        Index(None, "partner_id", "created_at"),
        Index(None, "submission_id", "channel"),
        Index(None, "created_at"),
        Index(None, "send_id"),
        # A turn that is pressed twice counts once for the test.
        Index("uq_contact_share_logs_turn", "submission_id", "turn", unique=True),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("byop_submissions.id"))
    channel: Mapped[str] = mapped_column(String(16))
    recipients_count: Mapped[int] = mapped_column(default=0)
    send_id: Mapped[str | None] = mapped_column(String(22))
    message: Mapped[str] = mapped_column(String(MESSAGE_LENGTH), default="")
    variant: Mapped[str] = mapped_column(String(16), default="", server_default="")
    turn: Mapped[int | None]
    chance_bp: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    def to_dict(self, recipients: int) -> ShareLogRecord:
        return {
            "id": self.id,
            "submission_id": self.submission_id,
            "channel": self.channel,
            "recipients": recipients,
            "at": clock.iso(self.created_at),
            "variant": self.variant,
            "turn": self.turn,
            "chance_bp": self.chance_bp,
        }


class ShareSum(Base):
    """How often a channel of a post was used, beyond what the share log still holds."""

    __tablename__ = "share_sums"

    submission_id: Mapped[str] = mapped_column(ForeignKey("byop_submissions.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    shares: Mapped[int]


def went_out() -> ColumnElement[bool]:
    """A press, or a send of which at least one mail was not taken back."""
    kept = (Delivery.send_id == ShareLog.send_id, Delivery.state != "cancelled")
    return or_(ShareLog.send_id.is_(None), select(Delivery.id).where(*kept).exists())
