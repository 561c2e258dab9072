"""Who must not be written to, who said yes, what a partner attested, and the tokens in a mail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base


class ConsentProof(Base):
    """What the partner attested at one press of “send”: the text shown, when, and from where.

    ``nonce`` is made of the form's and of what it sent: a second press finds the first. ``answers``
    are [address, eligibility, reason] as they were given; they are erased after 30 days, the proof stays.
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
    answers: Mapped[list[list[str]]] = mapped_column("verdicts", JSON, default=list)
    attested_at: Mapped[datetime] = mapped_column("at", default=clock.now, index=True)


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
    cause: Mapped[str] = mapped_column(String(16))  # unsubscribe, refused, bounce, complaint, operator
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Subscription(Base):
    """An address that said yes itself to one partner: the proof of it."""

    __tablename__ = "subscriptions"

    recipient_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(String(22))  # the mail whose button was pressed
    text: Mapped[str] = mapped_column(Text, default="", server_default="")  # as it was shown
    origin: Mapped[str] = mapped_column(String(64), default="", server_default="")
    ip_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    language: Mapped[str] = mapped_column(String(2), default="fr", server_default="fr")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class FirstContact(Base):
    """The one share mail that an address which never said yes gets from the whole programme."""

    __tablename__ = "first_contacts"

    recipient_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), unique=True)
