"""Accounts a partner connected: kept, mended in place, disconnected."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, true, update

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import is_id, new_id
from contentflow.partners import locks
from contentflow.publishing import notices, revoking
from contentflow.publishing.models import Assignment, SocialAccount
from contentflow.publishing.oauth import Connected, ConnectRefused
from contentflow.publishing.tokens import decrypt_fields, encrypt_fields


class AlreadyDisconnected(Refused):
    status = 409
    message = _l("Ce compte n’est déjà plus connecté.")


def keep(partner_id: str, platform: str, found: Connected) -> SocialAccount:
    """Keep a connected account; the same one again is mended in place.

    Raises ``ConnectRefused`` where another partner has it: one social account belongs to one partner.
    """
    known = db.session.scalar(
        select(SocialAccount)
        .where(
            SocialAccount.platform == platform,
            # A DID is one account wherever it lives, and may move.
            SocialAccount.remote_id == found.remote_id,
            true() if found.remote_id.startswith("did:") else SocialAccount.host == found.host,
            SocialAccount.state != "disconnected",
        )
        .with_for_update()
    )
    if known is not None and known.partner_id != partner_id:
        raise ConnectRefused("taken")
    if known is None:
        known = SocialAccount(id=new_id(), partner_id=partner_id, platform=platform, host=found.host)
        known.remote_id, known.serial = found.remote_id, 0
        db.session.add(known)
    held = decrypt_fields(known.oauth_json) or {}
    tokens = dict(found.tokens)
    if held.get("refresh_token") and not tokens.get("refresh_token"):
        tokens["refresh_token"] = held["refresh_token"]  # An empty one never overwrites one that is kept.
    known.host, known.handle, known.scope = found.host, found.handle[:255], found.scope[:500]
    known.oauth_json, known.expires_at = encrypt_fields(tokens), found.expires_at
    known.state, known.reason, known.refreshed_at = "connected", None, clock.now()
    known.limits, known.lease, known.leased_until = dict(found.limits), None, None
    db.session.flush()
    _wake(known.id)
    return known


def _wake(account_id: str) -> None:
    """What waited for this account is due at once."""
    waits = (
        Assignment.account_id == account_id,
        Assignment.state == "scheduled",
        Assignment.reason == "reauth",
    )
    db.session.execute(update(Assignment).where(*waits).values(next_attempt_at=clock.now(), reason=None))


def get_account(partner_id: str, account_id: str) -> SocialAccount:
    """Raises ``NotFound``, also for another partner's."""
    account = db.session.get(SocialAccount, account_id) if is_id(account_id) else None
    if account is None or account.partner_id != partner_id:
        raise NotFound
    return account


def list_accounts(partner_id: str) -> Sequence[SocialAccount]:
    """Return those in use, the oldest first."""
    own = SocialAccount.partner_id == partner_id, SocialAccount.state != "disconnected"
    return db.session.scalars(select(SocialAccount).where(*own).order_by(SocialAccount.created_at)).all()


def disconnect(partner_id: str, account_id: str) -> SocialAccount:
    """End the tokens here and there, and hand over what was scheduled.

    Raises ``NotFound`` and ``AlreadyDisconnected``.
    """
    locks.lock_active(partner_id)
    get_account(partner_id, account_id)
    account = db.session.get_one(SocialAccount, account_id, with_for_update=True, populate_existing=True)
    if account.state == "disconnected":
        raise AlreadyDisconnected
    revoking.end(account)
    waiting = select(Assignment).where(
        Assignment.account_id == account.id,
        Assignment.state == "scheduled",
        Assignment.first_tried_at.is_(None),
    )
    for row in db.session.scalars(waiting.with_for_update()).all():
        row.state, row.reason, row.next_attempt_at = "needs_hand", "disconnected", None
        notices.tell(row, "hand")
    db.session.flush()
    return account
