"""The one question to a contact: who may be asked, when its mail leaves, what it says, when it is over.

A partner asks an address once, for ever. Nobody asks it within 30 days of another's question, and nobody
at all once it said no. Who gave no answer in 30 days is forgotten: the hash stays, so the question is never
put again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select, update

from contentflow.config import settings
from contentflow.consent import services as consents
from contentflow.consent.promises import promise
from contentflow.consent.tokens import make_token, one_click
from contentflow.contacts.imports import get_import
from contentflow.contacts.judging import EntryVerdict
from contentflow.contacts.list_sync import note_those
from contentflow.contacts.models import Contact, ImportRow, Invitation
from contentflow.contacts.services import chosen_contacts
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.core.ids import digest
from contentflow.core.writes import lock
from contentflow.mailing import services as mailing
from contentflow.mailing import standing
from contentflow.mailing.hooks import Composer
from contentflow.mailing.messages import NAME_LENGTH, Message, display_name, render_mail
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import KEPT
from contentflow.partners import locks
from contentflow.partners.models import Partner

ATTESTATION = _l("Je connais ces personnes, et elles s’attendent à une question de ma part.")
DAY = timedelta(hours=24)
AT_ONCE = 500
TAGS = ("invitation",)


class InvitationsAreOff(Refused):
    message = _l("Les invitations sont désactivées par l’équipe du programme.")


class NotAttested(Refused):
    message = _l("Confirme que ces personnes s’attendent à ta question : sans cela, rien ne part.")


# Asking


def invite(
    partner: Partner, ids: Sequence[str], import_id: str, attested: bool, nonce: str, language: str
) -> list[EntryVerdict]:
    """Queue the question to each contact that may be asked; returns a verdict a contact, in their order.

    ``ids``, or all that an import brought. The same ``nonce`` again answers as it did. Raises
    ``NotAttested``, ``InvitationsAreOff``, ``NotFound`` and what ``chosen_contacts`` raises.
    """
    locks.lock_active(partner.id)
    if not attested:
        raise NotAttested
    if not settings().can_mail_kits or not settings().invites_per_day:
        raise InvitationsAreOff
    standing.check_standing(partner.id)
    if import_id:
        brought = select(ImportRow.address_hash).where(
            ImportRow.import_id == get_import(partner.id, import_id).id,
            ImportRow.verdict.in_(("added", "already")),
        )
        theirs = select(Contact).where(Contact.partner_id == partner.id, Contact.address_hash.in_(brought))
        contacts = list(db.session.scalars(theirs.order_by(Contact.created_at, Contact.id)))
    else:
        contacts = chosen_contacts(partner.id, ids)
    lock("contacts.invite")  # Two partners who ask the same person at once.
    words = _judge(partner.id, contacts, nonce)
    asked = [one for one in contacts if words[one.id] == "invited" and one.state == "imported"]
    _queue(partner, asked, nonce, language)
    return [
        EntryVerdict(number, one.address or "", words[one.id], "", one.address_hash, one.id)
        for number, one in enumerate(contacts, 1)
    ]


def _judge(partner_id: str, contacts: Sequence[Contact], nonce: str) -> dict[str, str]:
    hashes = {one.address_hash for one in contacts}
    closed = consents.suppressed_for(partner_id, hashes) | consents.refused_by(hashes)
    found = db.session.execute(
        select(Invitation.address_hash, Invitation.partner_id, Invitation.nonce, Invitation.due_at).where(
            Invitation.address_hash.in_(hashes)
        )
    ).all()
    own = {one.address_hash: one for one in found if one.partner_id == partner_id}
    recent = clock.now() - KEPT
    asked_by_others = {
        one.address_hash for one in found if one.partner_id != partner_id and one.due_at > recent
    }

    def judge(one: Contact) -> str:
        key = one.address_hash
        if nonce and key in own and own[key].nonce == nonce:
            return "invited"
        if one.state in ("confirmed", "invited"):
            return "already"
        if one.state != "imported" or one.address is None or key in closed | asked_by_others:
            return "unavailable"
        return "already" if key in own else "invited"

    return {one.id: judge(one) for one in contacts}


def _queue(partner: Partner, contacts: Sequence[Contact], nonce: str, language: str) -> None:
    by_time: dict[datetime, list[Contact]] = defaultdict(list)
    # When each of the questions may leave: never more than the setting in any 24 hours.
    now, most = clock.now(), settings().invites_per_day
    taken = select(Invitation.due_at).where(
        Invitation.partner_id == partner.id, Invitation.due_at > now - DAY
    )
    times = sorted(db.session.scalars(taken))
    earlier = len(times)
    for _contact in contacts:
        times.append(max(now, times[-most] + DAY) if len(times) >= most else now)
    for contact, due_at in zip(contacts, times[earlier:], strict=True):
        by_time[due_at].append(contact)
    leaves_at = clock.now() + timedelta(seconds=settings().share_email_undo_seconds)
    common: dict[str, Any] = {
        "kind": "invitation",
        "partner_id": partner.id,
        "language": language,
        "context": {"sender_name": partner.name or _("Un partenaire")},
    }
    for due_at, some in by_time.items():
        later = {"due_at": due_at} if due_at > leaves_at else {}
        addresses = [one.address for one in some if one.address is not None]
        mails = mailing.queue_all(addresses, max(due_at, leaves_at), **common, **later)
        for contact, mail in zip(some, mails, strict=True):
            contact.state, contact.state_at = "invited", clock.now()
            db.session.add(
                Invitation(
                    partner_id=partner.id,
                    contact_id=contact.id,
                    address_hash=contact.address_hash,
                    delivery_id=mail.id,
                    nonce=nonce,
                    attestation=str(ATTESTATION),
                    language=language,
                    due_at=max(due_at, leaves_at),
                )
            )
    db.session.flush()


# Writing


def compose_invitations(deliveries: Sequence[Delivery]) -> Composer:
    """Return who writes these mails of one partner; None for a person who may not be asked any more."""
    partner_id = deliveries[0].partner_id or ""
    hashes = {one.recipient_hash for one in deliveries}
    closed = consents.suppressed_for(partner_id, hashes) | consents.refused_by(hashes)
    ids = [one.id for one in deliveries]
    waits = (Contact.state == "invited", Contact.address.is_not(None), Invitation.answer == "")
    now = clock.now()
    found = (
        select(Invitation)
        .join(Contact)
        .where(Invitation.delivery_id.in_(ids), *waits, Invitation.due_at > now - KEPT)
        .with_for_update(of=Invitation)
    )
    open_ones = {one.delivery_id: one for one in db.session.scalars(found)}

    def compose(delivery: Delivery) -> Message | None:
        if delivery.id not in open_ones or delivery.recipient_hash in closed:
            return None
        yes, stop = make_token("subscribe", delivery.id), make_token("unsubscribe", delivery.id)
        asked = open_ones[delivery.id]
        # The thirty days begin when it leaves, which a worker that was away makes later than planned.
        asked.token_hash, asked.due_at = digest(yes), max(asked.due_at, now)
        return write(str(delivery.context.get("sender_name", "")), delivery.language, yes, stop)

    return compose


def write(name: str, language: str, yes: str, stop: str) -> Message:
    base = settings().public_base_url
    links = {"yes": f"{base}/subscribe/{yes}", "stop": f"{base}/unsubscribe/{stop}"}
    with force_locale(language):
        subject = _("%(name)s vous demande : voulez-vous ses messages ?", name=name)
        around = _("%(name)s via %(programme)s", name="", programme=settings().programme)
        sender = display_name(name, NAME_LENGTH - len(around))
        sender = str(_("%(name)s via %(programme)s", name=sender, programme=settings().programme))
        asked = promise(name)
    text, html = render_mail("contacts/invitation_mail", language, who=name, promise=asked, **links)
    at_brevo = {"PARTNER": name, "PROMISE": asked, "STOP": links["stop"]}
    header = one_click(links["stop"])
    return Message(subject, text, html, header, sender, TAGS, confirm_url=links["yes"], attributes=at_brevo)


# Ending


def hear_undelivered(delivery_ids: Sequence[str]) -> None:
    """A question that reached nobody was not put: it may be, some other day."""
    lost = (
        Invitation.delivery_id.in_(delivery_ids),
        Delivery.id == Invitation.delivery_id,
        Delivery.state.in_(("failed", "cancelled")),
    )
    found = list(db.session.scalars(select(Invitation).where(*lost)))
    ids = [one.contact_id for one in found]
    again = update(Contact).where(Contact.id.in_(ids), Contact.state == "invited")
    db.session.execute(again.values(state="imported", state_at=clock.now()))
    db.session.execute(delete(Invitation).where(Invitation.id.in_([one.id for one in found])))


def expire_unanswered() -> None:
    """Forget who gave no answer in 30 days, some hundreds at a time; that they were asked stays counted."""
    limit = clock.now() - KEPT
    left_at = func.coalesce(Delivery.settled_at, Delivery.first_tried_at)
    silent = (
        Contact.state == "invited",
        Invitation.contact_id == Contact.id,
        Delivery.id == Invitation.delivery_id,
        Delivery.state.not_in(("scheduled", "queued", "sending")),
        left_at < limit,
        Contact.state_at < limit,
    )
    gone = {"state": "expired", "state_at": clock.now(), "address": None, "name": "", "tags": ""}
    while True:
        with transaction():
            ids = list(db.session.scalars(select(Contact.id).where(*silent).limit(AT_ONCE)))
            note_those(ids)
            silent_now = Contact.id.in_(ids), Contact.state == "invited"
            db.session.execute(update(Contact).where(*silent_now).values(gone))
        if len(ids) < AT_ONCE:
            return
