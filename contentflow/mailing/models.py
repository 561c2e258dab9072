"""Mail on its way, the tokens in it, who must not be written to, and who said yes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.core.work import Workable

STATES = ("queued", "sending", "sent", "captured", "failed", "unknown", "cancelled")
# What never reached its reader uses nothing up: the same post may go to them again.
UNREACHED = ("failed", "cancelled", "captured")
_COUNTS = text(f"state NOT IN {UNREACHED}")


class Delivery(Workable, Base):
    """One message to one recipient, of the kind ``login``, ``confirmation``, ``share`` or ``clip``.

    Brevo's idempotency key is made from ``id``. ``recipient`` is erased
    after 30 days, ``recipient_hash`` stays. ``words`` are what a composer needs; never a token.
    ``send_id`` binds the deliveries of one press of “send”. ``attempts`` counts the tries that were
    answered, not those of a worker that died. ``first_tried_at`` is set while ``transport`` may have
    accepted it: it is the first of the tries whose outcome is not known. ``accepted_at``: the service
    said that it took it, in an answer that was not whole.
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
        CheckConstraint("kind IN ('login', 'confirmation', 'share', 'clip')", name="kind"),
        Index(None, "state", "next_attempt_at"),
        Index(None, "kind", "first_tried_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    recipient: Mapped[str | None] = mapped_column(String(254))
    recipient_hash: Mapped[str] = mapped_column(String(64), index=True)
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"), index=True)
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("byop_submissions.id"))
    send_id: Mapped[str | None] = mapped_column(String(22), index=True)
    language: Mapped[str] = mapped_column(String(2), default="fr")
    words: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    message_id: Mapped[str | None] = mapped_column(String(255))
    reason: Mapped[str | None] = mapped_column(String(255))
    transport: Mapped[str | None] = mapped_column(String(16))
    first_tried_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class ConsentProof(Base):
    """What the partner attested at one press of “send”: the text shown, when, and from where.

    ``nonce`` is made of the form's and of what it sent: a second press finds the first. ``verdicts``
    are [address, verdict, reason] as they were answered; they are erased after 30 days, the proof stays.
    """

    __tablename__ = "consent_proofs"
    __table_args__ = (UniqueConstraint("partner_id", "submission_id", "nonce"),)

    send_id: Mapped[str] = mapped_column(String(22), primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    submission_id: Mapped[str] = mapped_column(ForeignKey("byop_submissions.id"), index=True)
    nonce: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(2))
    origin: Mapped[str] = mapped_column(String(64))
    verdicts: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class MailToken(Base):
    """The hash of a token that stands in a mail: ``unsubscribe`` or ``subscribe``; made at each try."""

    __tablename__ = "mail_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))


class Suppression(Base):
    """An address that must not get share mail: from ``partner_id``, or ("") from anybody."""

    __tablename__ = "suppressions"

    recipient_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[str] = mapped_column(String(22), primary_key=True, default="")
    cause: Mapped[str] = mapped_column(String(16))  # unsubscribe, bounce, complaint, operator
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Subscription(Base):
    """An address that said yes itself to one partner: the proof of it."""

    __tablename__ = "subscriptions"

    recipient_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(String(22))  # the mail whose button was pressed
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class FirstContact(Base):
    """The one share mail that an address which never said yes gets from the whole programme."""

    __tablename__ = "first_contacts"

    recipient_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), unique=True)


class KeptKey(Base):
    """A key made once and never rotated: with another one, people who left would be mailed again."""

    __tablename__ = "kept_keys"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(32))


class MailPause(Base):
    """The whole sender rests: the service refused the account, or asked to wait."""

    __tablename__ = "mail_pauses"

    transport: Mapped[str] = mapped_column(String(16), primary_key=True)
    since: Mapped[datetime | None]
    until: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(255))


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
