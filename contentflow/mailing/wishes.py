"""What a reader wants: stop this partner, stop everything, or yes, the next ones too.

Suppression is one list for the whole programme, of keyed hashes. It is checked in the claim of each
try, so it holds for every mail whose sending is decided after the reader was answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select

from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.mailing import keeping
from contentflow.mailing.addresses import BadAddress, check_address
from contentflow.mailing.models import Delivery, Subscription, Suppression
from contentflow.mailing.permission import EVERYBODY, suppressed_for
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.rows import insert_missing
from contentflow.mailing.shares import cancel_where
from contentflow.mailing.tokens import find_delivery


class NotAnAddress(Refused):
    message = _l("Ce n’est pas une adresse e-mail.")


@dataclass(frozen=True)
class Reader:
    """Whose mail a link stands in: who shared it, and whether its reader stopped everything."""

    partner_name: str
    has_stopped_all: bool


def find_reader(token: str, purpose: str) -> Reader | None:
    delivery = find_delivery(token, purpose)
    if delivery is None:
        return None
    has_stopped = bool(suppressed_for(None, [delivery.recipient_hash]))
    return Reader(str(delivery.words.get("sender_name", "")), has_stopped)


def unsubscribe(token: str, only_partner: bool = False) -> None:
    """Stop share mail to the token's reader, of its partner or of everybody.

    An unknown token does nothing and a second call changes nothing.
    """
    delivery = find_delivery(token, "unsubscribe")
    if delivery is None:
        return
    scope = delivery.partner_id if only_partner and delivery.partner_id else EVERYBODY
    _suppress(delivery.recipient_hash, scope, "unsubscribe")


def subscribe(token: str) -> None:
    """Keep the reader's yes to the token's partner.

    The yes lifts a stop that the reader once said to this partner. It lifts no stop of everything
    (that was a wider wish than this button's), no bounce, no complaint and no operator's entry.
    """
    delivery = find_delivery(token, "subscribe")
    if delivery is None or delivery.partner_id is None:
        return
    reader, partner_id = delivery.recipient_hash, delivery.partner_id
    insert_missing(Subscription, recipient_hash=reader, partner_id=partner_id, delivery_id=delivery.id)
    db.session.execute(
        delete(Suppression).where(
            Suppression.recipient_hash == reader,
            Suppression.partner_id == partner_id,
            Suppression.cause == "unsubscribe",
        )
    )


def suppress(address: str, partner_id: str = EVERYBODY, cause: str = "operator") -> bool:
    """Stop share mail to an address; False when it was stopped already. Raises ``NotAnAddress``."""
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


def _suppress(reader: str, scope: str, cause: str) -> bool:
    made = insert_missing(Suppression, recipient_hash=reader, partner_id=scope, cause=cause)
    from_whom = [Delivery.partner_id == scope] if scope else []
    cancel_where(Delivery.recipient_hash == reader, *from_whom)
    keeping.forget_reader(reader, *from_whom)
    yeses = delete(Subscription).where(Subscription.recipient_hash == reader)
    db.session.execute(yeses.where(Subscription.partner_id == scope) if scope else yeses)
    return made


def _hash_of(address: str) -> str:
    try:
        return recipient_hash(check_address(address))
    except BadAddress as error:
        raise NotAnAddress from error
