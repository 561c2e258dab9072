"""Tokens that ended here are told to their platform, by the worker; they are of no use to us meanwhile."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.broker import enqueue
from contentflow.core.db import db, transaction
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.oauth import ConnectRefused
from contentflow.publishing.tokens import decrypt_fields

REVOKE = "publishing.revoke"
KEPT = timedelta(days=1)


def end(account: SocialAccount) -> None:
    """Take the tokens out of use, in the open transaction, and let the worker revoke them."""
    account.revoke_json, account.oauth_json = account.oauth_json or account.revoke_json, None
    account.state, account.expires_at, account.reason = "disconnected", None, None
    account.lease, account.leased_until, account.refreshed_at = None, None, clock.now()
    db.session.flush()
    if account.revoke_json is not None:
        enqueue(REVOKE, account.id)


def revoke(account_id: str) -> None:
    """Task: tell the platform; a platform that is away is asked again each hour, for a day."""
    from contentflow.publishing.flows import FLOWS  # What speaks to platforms is no part of a web process.

    account = db.session.get(SocialAccount, account_id)
    held = decrypt_fields(account.revoke_json) if account else None
    host, platform = (account.host, account.platform) if account else ("", "")
    is_old = account is not None and (account.refreshed_at or clock.now()) < clock.now() - KEPT
    db.session.rollback()
    is_told = held is None or platform not in FLOWS
    if held is not None and platform in FLOWS:
        try:
            FLOWS[platform].revoke(host, held)
            is_told = True
        except ConnectRefused:
            is_told = is_old
    if account is not None and is_told:
        with transaction():
            db.session.get_one(SocialAccount, account_id).revoke_json = None


def revoke_left() -> None:
    """Maintenance: those whose platform was away."""
    left = list(db.session.scalars(select(SocialAccount.id).where(SocialAccount.revoke_json.is_not(None))))
    db.session.rollback()
    for account_id in left:
        revoke(account_id)
