"""What the team asks and decides of one address that somebody names: the list itself is never shown."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from contentflow.consent import services
from contentflow.consent.models import Subscription, Suppression
from contentflow.core import audit
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.mailing.addresses import BadAddress, check_address
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash


class Known(NamedTuple):
    """What is known of an address that somebody names: never which others there are."""

    recipient_hash: str
    suppressions: list[Suppression]
    is_mailed: bool
    has_said_yes: bool


class TheirWish(Refused):
    status = 409
    message = _l("Cette personne s’est désinscrite ou s’est plainte : seul son « oui » peut la réinscrire.")


class NotSuppressed(Refused):
    status = 409
    message = _l("Aucun arrêt n’est là pour cette adresse : rien n’est changé.")


def look_up(address: str) -> Known:
    """Return what is known of one address. Raises ``InvalidAddress``."""
    recipient = hash_of(address)
    stops = select(Suppression).where(Suppression.recipient_hash == recipient)
    mailed = select(Delivery.id).where(Delivery.recipient_hash == recipient).limit(1)
    yes = select(Subscription.partner_id).where(Subscription.recipient_hash == recipient).limit(1)
    return Known(
        recipient,
        list(db.session.scalars(stops.order_by(Suppression.created_at))),
        db.session.scalar(mailed) is not None,
        db.session.scalar(yes) is not None,
    )


def stop_address(address: str, actor: str, reason: str) -> bool:
    """Stop all share mail to an address, for a reason; False when it was stopped already."""
    is_new = services.suppress(address)
    audit.note(actor, "suppression.add", hash_of(address), reason=reason)
    return is_new


def lift_address(address: str, actor: str, reason: str) -> None:
    """Lift the stop that an operator or a bounce made. Raises ``TheirWish`` and ``NotSuppressed``."""
    found = db.session.get(Suppression, (hash_of(address), services.EVERYBODY))
    if found is None:
        raise NotSuppressed
    if found.cause in ("unsubscribe", "complaint"):
        raise TheirWish
    audit.note(actor, "suppression.remove", hash_of(address), reason=reason, before={"cause": found.cause})
    services.unsuppress(address)


def hash_of(address: str) -> str:
    """Return the keyed hash under which the audit names an address. Raises ``InvalidAddress``."""
    try:
        return recipient_hash(check_address(address))
    except BadAddress as error:
        raise services.InvalidAddress from error
