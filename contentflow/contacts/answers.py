"""What the books hear of their people: a yes, a no, a stop, a bounce, or the wish to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select, update

from contentflow.consent import services as consents
from contentflow.consent.holdings import Holding
from contentflow.consent.hooks import RecipientAnswer
from contentflow.contacts import list_sync
from contentflow.contacts.models import Contact, Invitation
from contentflow.contacts.services import erase_from_files
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.mailing.models import Delivery
from contentflow.partners.models import Partner


def hear_answer(answer: RecipientAnswer) -> None:
    """Mirror an answer in the books; a yes to a shared mail puts its reader into that partner's book."""
    which = [Contact.address_hash == answer.recipient_hash]
    which += [Contact.partner_id == answer.partner_id] if answer.partner_id else []
    contacts = list(db.session.scalars(select(Contact).where(*which)))
    if answer.kind == "yes" and not contacts and answer.address:
        reader = Contact(
            partner_id=answer.partner_id,
            address_hash=answer.recipient_hash,
            address=answer.address,
            origin="mail",
            tags="",
            clicks=0,
        )
        db.session.add(reader)
        contacts = [reader]
    for contact in contacts:
        _mirror(contact, answer)
    list_sync.note(contacts)
    if answer.proof is not None:
        asked = update(Invitation).where(
            Invitation.partner_id == answer.partner_id, Invitation.address_hash == answer.recipient_hash
        )
        db.session.execute(asked.values(answer=answer.kind, answered_at=answer.proof.at))
    db.session.flush()


def _mirror(contact: Contact, answer: RecipientAnswer) -> None:
    is_stopped = bool(consents.suppressed_for(contact.partner_id, [contact.address_hash]))
    state = {"yes": "confirmed", "no": "refused"}.get(answer.kind, answer.kind)
    if answer.kind == "yes" and is_stopped:  # Of everything, or by a bounce: no yes to one partner lifts it.
        state = "bounced" if contact.state == "bounced" else "unsubscribed"
    if answer.kind == "bounced" and contact.state in ("refused", "unsubscribed"):
        state = contact.state
    if contact.state != state:
        contact.state, contact.state_at = state, clock.now()
    if answer.proof is not None:
        contact.proof_text, contact.proof_at = answer.proof.text, answer.proof.at
        contact.proof_origin, contact.proof_ip_hash = answer.proof.origin, answer.proof.ip_hash
        if answer.kind == "yes":
            contact.last_yes_at = answer.proof.at
            contact.address = contact.address or answer.address


def hear_click(delivery: Delivery, at: datetime) -> None:
    """Add a click to its reader's contact, in the book of the partner who wrote; the last one keeps it."""
    theirs = (Contact.partner_id == delivery.partner_id, Contact.address_hash == delivery.recipient_hash)
    for contact in db.session.scalars(select(Contact).where(*theirs).with_for_update()):
        contact.clicks += 1
        contact.last_click_at = max(at, contact.last_click_at or at)


def hear_forgotten(recipient_hash: str) -> None:
    """Erase a person from every book and file."""
    contacts = list(db.session.scalars(select(Contact).where(Contact.address_hash == recipient_hash)))
    list_sync.note(contacts)
    for contact in contacts:
        db.session.delete(contact)
    erase_from_files(recipient_hash)
    db.session.flush()


def holdings_on(recipient_hash: str) -> Iterator[Holding]:
    """Say to a recipient in whose books they stand."""
    found = select(Contact, Partner.name).join(Partner, Partner.id == Contact.partner_id)
    for contact, name in db.session.execute(found.where(Contact.address_hash == recipient_hash)):
        if contact.address is not None:
            yield Holding(_("Votre adresse dans un carnet"), contact.created_at, name)
