"""“Ce n'est pas moi”: a link of each mail about an account freezes payouts until the team thaws them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.ids import digest, new_token
from contentflow.partners import accounts
from contentflow.partners.locks import lock_active, lock_partner
from contentflow.payouts import bank_accounts, bank_notices, profiles
from contentflow.payouts.billing_errors import FreezeEnded, NotFrozen
from contentflow.payouts.models import FreezeToken
from contentflow.payouts.payees import number_of

KEPT: Final = timedelta(days=90)


def new_freeze_token(partner_id: str) -> str:
    """Make the token of one mail; only its hash is kept."""
    token = new_token()
    db.session.add(FreezeToken(token_hash=digest(token), partner_id=partner_id))
    return token


def partner_of_token(token: str) -> str:
    """Return whose payouts a link freezes; nothing happens by that. Raises ``FreezeEnded``."""
    found = db.session.get(FreezeToken, digest(token))
    if found is None or found.created_at < clock.now() - KEPT:
        raise FreezeEnded
    return found.partner_id


def freeze(token: str) -> None:
    """Freeze payouts, end the account, what waits for a code and every session; again: nothing more happens.

    Raises ``FreezeEnded``.
    """
    partner = lock_partner(partner_of_token(token))
    if partner is None or partner.email is None:
        raise FreezeEnded
    profile = profiles.own_profile(partner.id)
    if profile.frozen_at is not None:
        return
    profile.frozen_at = clock.now()
    bank_accounts.end_open(partner.id)
    accounts.end_sessions(partner.id, partner.id, "")
    audit.note(partner.id, "billing.freeze", number_of(profile))
    bank_notices.tell_team_of_freeze(partner)


def thaw(email: str, actor: str, reason: str) -> None:
    """Let a partner be paid again, once they gave an account anew.

    Raises ``NotFrozen``, ``UnknownPartner`` and ``NotAnAddress``.
    """
    partner = accounts.get_partner_at(email)
    lock_active(partner.id)
    profile = profiles.find_profile(partner.id)
    if profile is None or profile.frozen_at is None:
        raise NotFrozen
    profile.frozen_at = None
    audit.note(actor, "billing.thaw", number_of(profile), reason=reason)
    db.session.flush()


def erase_old_tokens() -> None:
    db.session.execute(
        delete(FreezeToken)
        .where(FreezeToken.created_at < clock.now() - KEPT)
        .execution_options(synchronize_session=False)
    )
