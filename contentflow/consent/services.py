"""Who may be written to: nobody who said stop, and once, unless they said yes.

Suppression is one list for the whole programme, of keyed hashes. It is asked when a mail is planned and
again in the claim of each try, so it holds for every mail whose sending is decided after the recipient was
answered. An address that never said yes itself gets one share mail from the whole programme: its row in
``first_contacts`` is taken with the delivery and given back when that reaches nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from contentflow.consent import hooks, retention
from contentflow.consent.holdings import Held, held_on, tell_forget
from contentflow.consent.hooks import Proof, RecipientAnswer
from contentflow.consent.models import FirstContact, Subscription, Suppression
from contentflow.consent.promises import promise
from contentflow.consent.tokens import find_delivery
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.core.writes import insert_missing
from contentflow.mailing import services as mailing
from contentflow.mailing.addresses import BadAddress, check_address
from contentflow.mailing.models import DOUBLE_OPT_IN, Delivery
from contentflow.mailing.recipients import KEPT, origin_hash, recipient_hash

REFUSED = "refused"
EVERYBODY = ""  # the partner_id of a suppression that holds for the whole programme


class InvitationExpired(Refused):
    status = 410
    message = _l("Cette invitation a plus de 30 jours : elle est close, et votre adresse est oubliée.")


class InvalidAddress(Refused):
    message = _l("Ce n’est pas une adresse e-mail.")


class Recipient(NamedTuple):
    """Whose mail a link stands in: who shared it, and whether its recipient stopped everything."""

    partner_name: str
    has_stopped_all: bool
    language: str = "fr"


# Asking


def suppressed_for(partner_id: str | None, hashes: Collection[str]) -> set[str]:
    """Return those of ``hashes`` that must get no share mail of this partner."""
    scopes = [EVERYBODY, partner_id or EVERYBODY]
    found = select(Suppression.recipient_hash).where(
        Suppression.recipient_hash.in_(hashes), Suppression.partner_id.in_(scopes)
    )
    return set(db.session.scalars(found))


def subscribed_to(partner_id: str | None, hashes: Collection[str]) -> set[str]:
    """Return those of ``hashes`` that said yes themselves to this partner."""
    found = select(Subscription.recipient_hash).where(
        Subscription.recipient_hash.in_(hashes), Subscription.partner_id == partner_id
    )
    return set(db.session.scalars(found))


def unavailable_to(partner_id: str, hashes: set[str]) -> set[str]:
    """Return those of ``hashes`` that said stop, or had their one mail and said no yes to this partner."""
    unconfirmed = hashes - subscribed_to(partner_id, hashes)
    contacted = select(FirstContact.recipient_hash).where(FirstContact.recipient_hash.in_(unconfirmed))
    return suppressed_for(partner_id, hashes) | set(db.session.scalars(contacted))


def still_allowed(partner_id: str | None, deliveries: Sequence[Delivery]) -> set[str]:
    """Return the ids of those mails of a partner whose recipient may still be written to.

    What was planned may have been stopped since.
    """
    hashes, ids = {one.recipient_hash for one in deliveries}, [one.id for one in deliveries]
    stopped, confirmed = suppressed_for(partner_id, hashes), subscribed_to(partner_id, hashes)
    firsts = set(
        db.session.scalars(select(FirstContact.delivery_id).where(FirstContact.delivery_id.in_(ids)))
    )
    return {
        one.id
        for one in deliveries
        if one.recipient_hash not in stopped and (one.recipient_hash in confirmed or one.id in firsts)
    }


# First contacts


def take_first_contacts(partner_id: str, deliveries: Iterable[Delivery]) -> None:
    """Use up the one mail of those who said no yes to this partner; a second is an ``IntegrityError``."""
    found = list(deliveries)
    confirmed = subscribed_to(partner_id, [delivery.recipient_hash for delivery in found])
    db.session.add_all(
        FirstContact(recipient_hash=delivery.recipient_hash, delivery_id=delivery.id)
        for delivery in found
        if delivery.recipient_hash not in confirmed
    )
    db.session.flush()


def free_first_contacts(delivery_ids: Sequence[str]) -> None:
    """What never reached its recipient uses nothing up."""
    db.session.execute(delete(FirstContact).where(FirstContact.delivery_id.in_(delivery_ids)))


# What a recipient wants


def find_recipient(token: str, purpose: str) -> Recipient | None:
    """Raises ``InvitationExpired``."""
    delivery = _find_open(token, purpose)
    if delivery is None:
        return None
    has_stopped = bool(suppressed_for(None, [delivery.recipient_hash]))
    return Recipient(str(delivery.context.get("sender_name", "")), has_stopped, delivery.language)


def find_held(token: str) -> Held | None:
    """Return what is held on the recipient of a stop link; None for a link that is not known."""
    delivery = find_delivery(token, "unsubscribe")
    return held_on(delivery.recipient_hash) if delivery else None


def forget(token: str) -> None:
    """Stop everything, and erase whatever names the token's recipient; what stops mail stays, a hash.

    An unknown token does nothing and a second call changes nothing.
    """
    delivery = find_delivery(token, "unsubscribe")
    if delivery is None:
        return
    _suppress(delivery.recipient_hash, EVERYBODY, "unsubscribe")
    tell_forget(delivery.recipient_hash)


def unsubscribe(token: str, only_partner: bool = False) -> None:
    """Stop share mail to the token's recipient, of its partner or of everybody.

    An unknown token does nothing and a second call changes nothing.
    """
    delivery = find_delivery(token, "unsubscribe")
    if delivery is None:
        return
    scope = delivery.partner_id if only_partner and delivery.partner_id else EVERYBODY
    _suppress(delivery.recipient_hash, scope, "unsubscribe")


def _find_open(token: str, purpose: str) -> Delivery | None:
    """Return the mail behind a link; raise ``InvitationExpired`` for a question that is 30 days old."""
    delivery = find_delivery(token, purpose)
    if delivery is not None and purpose == "subscribe" and delivery.kind == "invitation":
        left_at = delivery.settled_at or delivery.first_tried_at or delivery.created_at
        if clock.now() - left_at > KEPT:
            raise InvitationExpired
    return delivery


def subscribe(token: str, ip: str = "") -> None:
    """Keep the recipient's yes to the token's partner, with the promise that was shown.

    The yes lifts a stop or a no that the recipient once said to this partner. It lifts no stop of everything
    (that was a wider wish than this button's), no bounce, no complaint and no operator's entry.
    Raises ``InvitationExpired``.
    """
    delivery = _find_open(token, "subscribe")
    if delivery is None or delivery.partner_id is None:
        return
    recipient, partner_id = delivery.recipient_hash, delivery.partner_id
    proof = _proof(delivery, ip)
    insert_missing(
        Subscription,
        recipient_hash=recipient,
        partner_id=partner_id,
        delivery_id=delivery.id,
        text=proof.text,
        origin=proof.origin,
        ip_hash=proof.ip_hash,
        language=proof.language,
        created_at=proof.at,
    )
    db.session.execute(
        delete(Suppression).where(
            Suppression.recipient_hash == recipient,
            Suppression.partner_id == partner_id,
            Suppression.cause.in_(("unsubscribe", REFUSED)),
        )
    )
    hooks.tell_answer(RecipientAnswer("yes", recipient, partner_id, delivery.recipient, proof))


def refuse(token: str, ip: str = "") -> None:
    """Keep the recipient's no: nothing more of that partner, and nobody invites them again.

    Raises ``InvitationExpired``.
    """
    delivery = _find_open(token, "subscribe")
    if delivery is None or delivery.partner_id is None:
        return
    recipient, partner_id, address = delivery.recipient_hash, delivery.partner_id, delivery.recipient
    proof = _proof(delivery, ip)
    _suppress(recipient, partner_id, REFUSED)
    hooks.tell_answer(RecipientAnswer("no", recipient, partner_id, address, proof))


def _proof(delivery: Delivery, ip: str) -> Proof:
    text = promise(str(delivery.context.get("sender_name", "")))
    ip_hash = origin_hash(ip) if ip else ""
    asked_by = "brevo" if delivery.transport == DOUBLE_OPT_IN else "invitation"
    origin = asked_by if delivery.kind == "invitation" else "mail"
    return Proof(text, clock.now(), origin, ip_hash, str(get_locale() or delivery.language)[:2])


def refused_by(hashes: Collection[str]) -> set[str]:
    """Return those of ``hashes`` that said no to anybody's question: nobody asks them again."""
    found = select(Suppression.recipient_hash).where(
        Suppression.recipient_hash.in_(hashes), Suppression.cause == REFUSED
    )
    return set(db.session.scalars(found))


def find_yes(partner_id: str, hashes: Collection[str]) -> dict[str, Subscription]:
    """Return the yes to this partner of each of ``hashes`` that said one."""
    found = select(Subscription).where(
        Subscription.recipient_hash.in_(hashes), Subscription.partner_id == partner_id
    )
    return {one.recipient_hash: one for one in db.session.scalars(found)}


# The list


def suppress(address: str, partner_id: str = EVERYBODY, cause: str = "operator") -> bool:
    """Stop share mail to an address; False when it was stopped already. Raises ``InvalidAddress``."""
    return _suppress(_hash_of(address), partner_id, cause)


def unsuppress(address: str, partner_id: str = EVERYBODY) -> bool:
    """Lift the stop of exactly this scope; False when there was none."""
    lifted = db.session.execute(
        delete(Suppression).where(
            Suppression.recipient_hash == _hash_of(address), Suppression.partner_id == partner_id
        )
    )
    return bool(lifted.rowcount)  # type: ignore[attr-defined]


def list_suppressions(limit: int) -> list[Suppression]:
    newest_first = select(Suppression).order_by(Suppression.created_at.desc(), Suppression.recipient_hash)
    return list(db.session.scalars(newest_first.limit(limit)))


def stop_after(delivery: Delivery, cause: str) -> None:
    """End share mail to the recipient of a mail that the service told about: see ``hooks.on_ended``.

    Who complained, or left by the service's own link, said stop to everybody. A dead address said nothing:
    it is only written to no more.
    """
    if cause == "bounce":
        insert_missing(Suppression, recipient_hash=delivery.recipient_hash, partner_id=EVERYBODY, cause=cause)
        mailing.cancel_to(delivery.recipient_hash)
        hooks.tell_answer(RecipientAnswer("bounced", delivery.recipient_hash, EVERYBODY))
    else:
        _suppress(delivery.recipient_hash, EVERYBODY, cause)


def _suppress(recipient: str, scope: str, cause: str) -> bool:
    made = insert_missing(Suppression, recipient_hash=recipient, partner_id=scope, cause=cause)
    if cause == REFUSED and not made:  # A no weighs more than a stop: nobody asks again.
        theirs = Suppression.recipient_hash == recipient, Suppression.partner_id == scope
        stopped = update(Suppression).where(*theirs, Suppression.cause == "unsubscribe")
        db.session.execute(stopped.values(cause=REFUSED))
    sends = mailing.stop_shares_to(recipient, scope or None)
    retention.erase_answers_to(recipient, sends)
    yeses = delete(Subscription).where(Subscription.recipient_hash == recipient)
    db.session.execute(yeses.where(Subscription.partner_id == scope) if scope else yeses)
    if cause != REFUSED:  # A no is told with its proof.
        hooks.tell_answer(
            RecipientAnswer("bounced" if cause == "bounce" else "unsubscribed", recipient, scope)
        )
    return made


def _hash_of(address: str) -> str:
    try:
        return recipient_hash(check_address(address))
    except BadAddress as error:
        raise InvalidAddress from error
