"""A kit mailed to people one by one: who will get it, the rows that wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from contentflow.config import settings
from contentflow.consent import services as consents
from contentflow.consent.models import ConsentProof
from contentflow.contacts.services import Reached
from contentflow.core import clock
from contentflow.core.db import db, in_transaction
from contentflow.core.ids import new_id
from contentflow.core.writes import lock
from contentflow.mailing import services as mailing
from contentflow.mailing.addresses import AddressFault, Parsed
from contentflow.mailing.models import UNREACHED, Delivery
from contentflow.mailing.recipients import recipient_hash

# Why a post is “already sent” to somebody whom it has not reached for certain.
ON_ITS_WAY = {"scheduled": "waiting", "queued": "waiting", "sending": "waiting", "unknown": "unknown"}


# A variant's name and the chance, in basis points, that the lot had to choose the second one.
Lot = tuple[str, int | None]


class Candidate(NamedTuple):
    """``address`` is as it was typed where it is ``invalid``; ``reason`` then says why.

    The reason of ``already_sent`` is ``waiting`` or ``unknown`` where the mail has not surely arrived.
    """

    address: str
    eligibility: str
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


class Attestation(NamedTuple):
    """The sentence that the partner attested, and where it stood."""

    text: str
    origin: str


# Planning


def plan_share(
    partner_id: str, submission_id: str, parsed: Sequence[Parsed], contacts: Sequence[Reached] = ()
) -> list[Candidate]:
    """Say of each entry, in its order, what will become of it; then of each contact that is no entry too.

    An entry may get its one mail without a yes, a contact needs one. In a transaction the plan holds until
    it ends: nobody else plans meanwhile.
    """
    if in_transaction():
        lock("mailing.share")
    hashes = {one.address: recipient_hash(one.address) for one in parsed if one.address is not None}
    typed = set(hashes.values())
    others = [one for one in contacts if one.address_hash not in typed]
    keys = [*typed, *(one.address_hash for one in others)]
    # The state of this post's mail by the hash of its recipient, where there is one that counts.
    reached = select(Delivery.recipient_hash, Delivery.state).where(
        Delivery.submission_id == submission_id,
        Delivery.recipient_hash.in_(keys),
        Delivery.state.not_in(UNREACHED),
    )
    sent = {recipient: state for recipient, state in db.session.execute(reached)}
    unavailable = consents.unavailable_to(partner_id, set(keys))
    stopped = consents.suppressed_for(partner_id, [one.address_hash for one in others]) if others else set()
    found = [_judge(one, hashes.get(one.address or ""), sent, unavailable) for one in parsed]
    return found + [_judge_contact(one, sent, stopped) for one in others]


def _judge_contact(one: Reached, sent: dict[str, str], stopped: set[str]) -> Candidate:
    if one.address_hash in sent:
        return Candidate(one.address, "already_sent", ON_ITS_WAY.get(sent[one.address_hash], ""))
    if one.address_hash in stopped:
        return Candidate(one.address, "unavailable")
    return Candidate(one.address, "queued" if one.has_said_yes else "not_confirmed")


def _judge(one: Parsed, key: str | None, sent: dict[str, str], unavailable: set[str]) -> Candidate:
    if one.address is None or key is None:
        return Candidate(one.raw, "invalid", str(one.reason or AddressFault.NO_AT))
    if one.reason is AddressFault.DUPLICATE:
        return Candidate(one.address, "duplicate")
    if key in sent:
        return Candidate(one.address, "already_sent", ON_ITS_WAY.get(sent[key], ""))
    return Candidate(one.address, "unavailable" if key in unavailable else "queued")


# Queueing


def queue_share(
    partner_id: str,
    submission_id: str,
    plan: Sequence[Candidate],
    words: Mapping[str, ShareWords],
    drawn: Sequence[Lot],
    language: str,
    consent: Attestation,
    nonce: str,
    due_at: datetime | None = None,
) -> str:
    """Queue what the plan has as ``queued``, keep the proof of consent, and return the send's id.

    ``drawn`` holds the variant and its chance of each recipient, in the plan's order; ``words`` those of each
    variant. To be called in the transaction that planned it. Nothing leaves before SHARE_EMAIL_UNDO_SECONDS
    are over, or before ``due_at``.
    """
    send_id = new_id()
    whose = {
        "partner_id": partner_id,
        "submission_id": submission_id,
        "send_id": send_id,
        "language": language,
    }
    answers = [[one.address, one.eligibility, one.reason] for one in plan]
    db.session.add(
        ConsentProof(nonce=nonce, text=consent.text, origin=consent.origin, answers=answers, **whose)
    )
    recipients: dict[Lot, list[str]] = defaultdict(list)
    reached = [one.address for one in plan if one.eligibility == "queued"]
    for address, lot in zip(reached, drawn, strict=True):
        recipients[lot].append(address)
    leaves_at = due_at or clock.now() + timedelta(seconds=settings().share_email_undo_seconds)
    for (variant, chance_bp), addresses in recipients.items():
        own = {"variant": variant, "chance_bp": chance_bp, "context": asdict(words[variant])}
        mails = mailing.queue_all(addresses, leaves_at, kind="share", due_at=due_at, **whose, **own)
        consents.take_first_contacts(partner_id, mails)
    return send_id
