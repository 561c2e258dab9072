"""Mail on its way, the breakers of the ways out, and the local mailbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.core.jobs import JobMixin

STATES = ("scheduled", "queued", "sending", "sent", "captured", "failed", "unknown", "cancelled")
# What never reached its recipient uses nothing up: the same post may go to them again.
UNREACHED = ("failed", "cancelled", "captured")
# All but what failed, or ended without anybody knowing. Said so, no index by state can answer it: SQLite
# would sort all of them by their time, instead of walking along the index of those alone.
DELIVERED_OR_WAITING = ("scheduled", "queued", "sending", "sent", "captured", "cancelled")
# What has not been tried yet: ``scheduled`` is for later, and becomes ``queued`` when it is due.
WAITING = ("scheduled", "queued")
# What goes out in a partner's name to people outside: paced, and never before a login mail.
BULK = ("share", "invitation")
# The ``transport`` of a question that Brevo's double opt-in put.
DOUBLE_OPT_IN = "brevo_doi"
_HAS_OUTCOME = text("outcome IS NOT NULL")
_HAS_ADDRESS = text("recipient IS NOT NULL")
_IS_OPEN = text("resumed_at IS NULL")
_IS_UNDELIVERED = text(f"state NOT IN {DELIVERED_OR_WAITING}")
_COUNTS = text(f"state NOT IN {UNREACHED}")


class DeliveryRecord(TypedDict):
    """A mail as programs read one; ``at`` is when it was written, ``recipient`` None once it was erased."""

    id: str
    kind: str
    submission_id: str | None
    recipient: str | None
    state: str
    outcome: str | None
    at: str | None
    due_at: str | None
    variant: str
    chance_bp: int | None


class Delivery(JobMixin, Base):
    """One message to one recipient, of a kind (see the check below).

    Brevo's idempotency key is made from ``id``. ``recipient`` is erased
    after 30 days, ``recipient_hash`` stays. ``context`` is what a composer needs; never a token.
    ``send_id`` binds the deliveries of one press of “send”. ``attempts`` counts the tries that were
    answered, not those of a worker that died. ``due_at``: a mail for later. ``first_tried_at`` is set while
    ``transport`` may have accepted it: it is the first of the tries whose outcome is not known.
    ``accepted_at``: the service said that it took it, in an answer that was not whole. ``variant`` is the
    post's that it carries, and ``chance_bp`` how likely (in basis points) the lot was to choose the second.
    ``outcome`` is what was told of a ``sent`` one: ``bounced`` or ``complained``.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "uq_deliveries_submission_id",
            "submission_id",
            "recipient_hash",
            unique=True,
            sqlite_where=_COUNTS,
            postgresql_where=_COUNTS,
        ),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(
            "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation', 'notice', 'publishing', "
            "'bank')",
            name="kind",
        ),
        Index(None, "state", "next_attempt_at"),
        Index(None, "state", "created_at"),
        Index(None, "partner_id", "created_at"),
        Index(None, "kind", "first_tried_at"),
        Index(None, "partner_id", "kind", "first_tried_at"),
        Index(
            "ix_deliveries_addressed",
            "created_at",
            sqlite_where=_HAS_ADDRESS,
            postgresql_where=_HAS_ADDRESS,
        ),
        Index(
            "ix_deliveries_undelivered",
            "created_at",
            "id",
            sqlite_where=_IS_UNDELIVERED,
            postgresql_where=_IS_UNDELIVERED,
        ),
        Index(
            "ix_deliveries_outcome",
            "first_tried_at",
            sqlite_where=_HAS_OUTCOME,
            postgresql_where=_HAS_OUTCOME,
        ),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    recipient: Mapped[str | None] = mapped_column(String(254))
    recipient_hash: Mapped[str] = mapped_column(String(64), index=True)
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"), index=True)
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("byop_submissions.id"))
    send_id: Mapped[str | None] = mapped_column(String(22), index=True)
    language: Mapped[str] = mapped_column(String(2), default="fr")
    context: Mapped[dict[str, Any]] = mapped_column("words", JSON, default=dict)
    variant: Mapped[str] = mapped_column(String(16), default="", server_default="")
    chance_bp: Mapped[int | None]
    message_id: Mapped[str | None] = mapped_column(String(255), index=True)
    reason: Mapped[str | None] = mapped_column(String(255))
    transport: Mapped[str | None] = mapped_column(String(16))
    due_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    first_tried_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)

    def to_dict(self) -> DeliveryRecord:
        return {
            "id": self.id,
            "kind": self.kind,
            "submission_id": self.submission_id,
            "recipient": self.recipient,
            "state": self.state,
            "outcome": self.outcome,
            "at": clock.iso(self.created_at),
            "due_at": clock.iso(self.due_at),
            "variant": self.variant,
            "chance_bp": self.chance_bp,
        }


class HmacKey(Base):
    """A key made once and never rotated: with another one, people who left would be mailed again."""

    __tablename__ = "kept_keys"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(32))


class Breaker(Base):
    """An open circuit breaker: the service refused the account, is away, or asked to wait."""

    __tablename__ = "mail_pauses"

    transport: Mapped[str] = mapped_column(String(16), primary_key=True)
    opened_at: Mapped[datetime | None] = mapped_column("since")
    half_open_at: Mapped[datetime] = mapped_column("until")
    reason: Mapped[str] = mapped_column(String(255))


class SenderPause(Base):
    """A sender whose mails were refused or complained of too often: ``scope`` is a partner's id, or a domain.

    ``resumed_at`` NULL: the pause holds. Afterwards only what was tried since then counts.
    """

    __tablename__ = "sender_pauses"
    __table_args__ = (
        Index("ix_sender_pauses_open", "paused_at", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    )

    scope: Mapped[str] = mapped_column(String(255), primary_key=True)
    sent: Mapped[int]
    bounced: Mapped[int]
    complained: Mapped[int]
    paused_at: Mapped[datetime]
    resumed_at: Mapped[datetime | None]
    resume_reason: Mapped[str] = mapped_column(default="")


class CapturedMail(Base):
    """A mail in the local mailbox, where no mail service is set."""

    __tablename__ = "captured_mails"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    delivery_id: Mapped[str] = mapped_column(String(22), unique=True)
    sender: Mapped[str] = mapped_column(String(400))
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(255))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    headers: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
