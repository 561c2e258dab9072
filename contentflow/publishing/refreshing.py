"""Tokens that run out: one refresh at a time and account over all workers, the new pair committed before use.

A refresh token counts once. Whoever claims the account's row may use it; whoever does not waits and takes
what the other one got.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.publishing import tokens
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.oauth import RefreshLater, RefreshRefused, RefreshUnclear
from contentflow.publishing.outcomes import Outcome, later, reauth

EARLY = timedelta(minutes=5)
AT_MOST_EVERY = timedelta(minutes=10)
_LOOK_SECONDS = 0.2
_LOST = "refresh_lost"


class NoTokens(Exception):
    """There is no token to call with; ``outcome`` says how the act that wanted one ends."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class _Turn(NamedTuple):
    """What is held, and ``lease`` where it is ours to refresh; neither: another one is at it."""

    held: dict[str, Any] | None = None
    lease: str = ""


def usable_tokens(account_id: str, refused: str = "") -> dict[str, Any]:
    """Return tokens that last some minutes more, refreshed where they do not.

    ``refused`` is an access token that a call was told is dead. Raises ``NoTokens``.
    """
    until = time.monotonic() + settings().publish_timeout_seconds
    while True:
        turn = _take_turn(account_id, refused)
        if turn.held is not None:
            return _refreshed(account_id, turn) if turn.lease else turn.held
        if time.monotonic() >= until:
            raise NoTokens(later("busy", 5.0))
        time.sleep(_LOOK_SECONDS)


def _take_turn(account_id: str, refused: str) -> _Turn:
    now = clock.now()
    with transaction():
        account = db.session.get(SocialAccount, account_id, with_for_update=True, populate_existing=True)
        held = tokens.held(account) if account is not None and account.state == "connected" else None
        if account is None or held is None:
            raise NoTokens(reauth("token", is_clear=True))
        is_dead = bool(refused) and held["access_token"] == refused
        if not is_dead and (account.expires_at is None or account.expires_at > now + EARLY):
            return _Turn(held)
        if account.leased_until is not None and now < account.leased_until < now + _longest():
            return _Turn()
        since = now - (account.refreshed_at or account.created_at)
        if timedelta(0) <= since < AT_MOST_EVERY:
            if is_dead or (account.expires_at is not None and account.expires_at <= now):
                raise NoTokens(later("token", (AT_MOST_EVERY - since).total_seconds()))
            return _Turn(held)
        if not held.get("refresh_token"):
            raise NoTokens(reauth("token", is_clear=True))
        account.lease, account.leased_until = new_id(), now + _longest() / 2
        return _Turn(held, account.lease)


def _longest() -> timedelta:
    """Twice what a refresh may take: a lease that ends later is from a clock that was ahead."""
    return timedelta(seconds=8 * settings().publish_timeout_seconds)


def _refreshed(account_id: str, turn: _Turn) -> dict[str, Any]:
    from contentflow.publishing.flows import FLOWS

    kept = turn.held or {}
    held = {name: value for name, value in kept.items() if name != _LOST}
    account = db.session.get_one(SocialAccount, account_id)
    refresh = FLOWS[account.platform].refresh
    db.session.rollback()
    assert refresh is not None
    try:
        found = refresh(held)
    except RefreshRefused as error:
        _release(account_id, turn.lease)
        raise NoTokens(reauth("token", is_clear=True)) from error
    except RefreshUnclear as error:
        raise NoTokens(_unclear(account_id, turn.lease, kept)) from error
    except RefreshLater as error:
        _release(account_id, turn.lease)
        raise NoTokens(later("unreachable")) from error
    _release(
        account_id,
        turn.lease,
        oauth_json=tokens.encrypt_fields(found.tokens),
        expires_at=found.expires_at,
        refreshed_at=clock.now(),
        serial=SocialAccount.serial + 1,
    )
    return dict(found.tokens)


def _unclear(account_id: str, lease: str, held: Mapping[str, Any]) -> Outcome:
    """The answer was lost, and the token with it perhaps: one more try, then a new connection."""
    is_second = bool(held.get(_LOST))
    _release(account_id, lease, oauth_json=tokens.encrypt_fields({**held, _LOST: True}))
    return reauth("token", is_clear=True) if is_second else later("unreachable")


def _release(account_id: str, lease: str, **values: Any) -> None:
    """Give the row back, under the claim; raises ``NoTokens`` where it was disconnected meanwhile."""
    mine = SocialAccount.id == account_id, SocialAccount.lease == lease
    with transaction():
        taken = update(SocialAccount).where(*mine).values(lease=None, leased_until=None, **values)
        if not db.session.execute(taken).rowcount:  # type: ignore[attr-defined]
            raise NoTokens(later("token"))
