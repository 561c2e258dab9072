"""A kit mailed to people one by one: who will get it, the rows that wait.

An address that never said yes itself gets one share mail from the whole programme; its row in
``first_contacts`` is taken with the delivery and given back when that fails or is cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, in_transaction
from contentflow.core.ids import new_id
from contentflow.mailing.addresses import Parsed, Reason
from contentflow.mailing.models import UNREACHED, ConsentProof, Delivery, FirstContact
from contentflow.mailing.permission import lock, once_contacted, subscribed_to, suppressed_for
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.sending import free_first_contact

# Why a post is “already sent” to somebody whom it has not reached for certain.
ON_ITS_WAY = {"queued": "waiting", "sending": "waiting", "unknown": "unknown"}


@dataclass(frozen=True)
class Judged:
    """``address`` is as it was typed where it is ``invalid``; ``reason`` then says why.

    The reason of ``already_sent`` is ``waiting`` or ``unknown`` where the mail has not surely arrived.
    """

    address: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class ShareWords:
    """The finished words of a share mail; ``url`` is the short link of channel ``email``."""

    sender_name: str
    advertiser: str
    disclosure: str
    title: str
    description: str
    cta: str
    hashtags: str
    url: str
    reply_to: str = ""


@dataclass(frozen=True)
class Consent:
    """The sentence that the partner attested, and where it stood."""

    text: str
    origin: str


# Planning


def plan_share(partner_id: str, submission_id: str, parsed: Sequence[Parsed]) -> list[Judged]:
    """Say of each entry, in its order, what will become of it.

    In a transaction the plan holds until it ends: nobody else plans meanwhile.
    """
    if in_transaction():
        lock("mailing.share")
    hashes = {one.address: recipient_hash(one.address) for one in parsed if one.address is not None}
    sent = _reached(submission_id, list(hashes.values()))
    unavailable = _unavailable(partner_id, set(hashes.values()))
    return [_judge(one, hashes.get(one.address or ""), sent, unavailable) for one in parsed]


def _judge(one: Parsed, key: str | None, sent: dict[str, str], unavailable: set[str]) -> Judged:
    if one.address is None or key is None:
        return Judged(one.raw, "invalid", str(one.reason or Reason.NO_AT))
    if one.reason is Reason.DUPLICATE:
        return Judged(one.address, "duplicate")
    if key in sent:
        return Judged(one.address, "already_sent", ON_ITS_WAY.get(sent[key], ""))
    return Judged(one.address, "unavailable" if key in unavailable else "queued")


def _reached(submission_id: str, hashes: list[str]) -> dict[str, str]:
    """Return the state of the mail of this post by the hash of its reader, where there is one that counts."""
    found = select(Delivery.recipient_hash, Delivery.state).where(
        Delivery.submission_id == submission_id,
        Delivery.recipient_hash.in_(hashes),
        Delivery.state.not_in(UNREACHED),
    )
    return {reader: state for reader, state in db.session.execute(found)}


def _unavailable(partner_id: str, hashes: set[str]) -> set[str]:
    unconfirmed = hashes - subscribed_to(partner_id, hashes)
    return suppressed_for(partner_id, hashes) | once_contacted(unconfirmed)


# Queueing


def queue_share(
    partner_id: str,
    submission_id: str,
    plan: Sequence[Judged],
    words: ShareWords,
    language: str,
    consent: Consent,
    nonce: str,
) -> str:
    """Queue what the plan has as ``queued``, keep the proof of consent, and return the send's id.

    To be called in the transaction that planned it. Nothing leaves before SHARE_EMAIL_UNDO_SECONDS.
    """
    send_id = new_id()
    db.session.add(
        ConsentProof(
            send_id=send_id,
            partner_id=partner_id,
            submission_id=submission_id,
            nonce=nonce,
            text=consent.text,
            language=language,
            origin=consent.origin,
            verdicts=[[one.address, one.verdict, one.reason] for one in plan],
        )
    )
    addresses = [one.address for one in plan if one.verdict == "queued"]
    common = {"partner_id": partner_id, "submission_id": submission_id, "send_id": send_id}
    deliveries = [
        _waiting(address, words=asdict(words), language=language, **common) for address in addresses
    ]
    db.session.add_all(deliveries)
    db.session.flush()
    _take_first_contacts(partner_id, deliveries)
    return send_id


def _waiting(address: str, **values: Any) -> Delivery:
    undo = timedelta(seconds=settings().share_email_undo_seconds)
    return Delivery(
        id=new_id(),
        kind="share",
        recipient=address,
        recipient_hash=recipient_hash(address),
        state="queued",
        next_attempt_at=clock.now() + undo,
        **values,
    )


def _take_first_contacts(partner_id: str, deliveries: Sequence[Delivery]) -> None:
    confirmed = subscribed_to(partner_id, [delivery.recipient_hash for delivery in deliveries])
    db.session.add_all(
        FirstContact(recipient_hash=delivery.recipient_hash, delivery_id=delivery.id)
        for delivery in deliveries
        if delivery.recipient_hash not in confirmed
    )
    db.session.flush()


def captured_since(partner_id: str, since: datetime) -> int:
    """Return how many share mails of a partner were queued after ``since`` and only captured."""
    captured = (Delivery.kind == "share", Delivery.state == "captured", Delivery.created_at > since)
    counted = select(func.count()).select_from(Delivery)
    return db.session.scalar(counted.where(Delivery.partner_id == partner_id, *captured)) or 0


# Taking back


def cancel_waiting(submission_id: str) -> int:
    """Take back whatever waits of a post that was withdrawn; returns how many."""
    return cancel_where(Delivery.submission_id == submission_id)


def cancel_of_partner(partner_id: str) -> int:
    """Take back whatever waits in a partner's name; returns how many."""
    return cancel_where(Delivery.partner_id == partner_id)


def cancel_where(*which: ColumnElement[bool]) -> int:
    """Cancel the waiting share mails that were never tried; one that may have left goes on."""
    cancelled = db.session.scalars(
        update(Delivery)
        .where(
            Delivery.kind == "share", Delivery.state == "queued", Delivery.first_tried_at.is_(None), *which
        )
        .values(state="cancelled", settled_at=clock.now(), reason="taken back")
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    free_first_contact(*cancelled)
    return len(cancelled)
