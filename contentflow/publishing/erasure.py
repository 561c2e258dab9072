"""What ends with a partner: nothing more goes out in their name, and no token of theirs stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import delete, select, update

from contentflow.core.db import db
from contentflow.publishing import revoking
from contentflow.publishing.models import Assignment, ConnectRequest, SocialAccount

AT_ONCE = 200
WAITING = ("draft", "scheduled", "publishing", "needs_hand", "unknown")


def cancel_waiting(partner_id: str) -> None:
    """End at once what waits; a step that runs loses its claim, so it publishes nothing more."""
    own = Assignment.partner_id == partner_id, Assignment.state.in_(WAITING)
    ended = {"state": "cancelled", "reason": "erased", "lease": None, "leased_until": None, "remote": None}
    untimed = {"next_attempt_at": None}
    db.session.execute(update(Assignment).where(*own).values(**ended, **untimed))
    accounts = select(SocialAccount).where(
        SocialAccount.partner_id == partner_id, SocialAccount.state != "disconnected"
    )
    for account in db.session.scalars(accounts).all():
        revoking.end(account)
    db.session.execute(delete(ConnectRequest).where(ConnectRequest.partner_id == partner_id))


def sweep_partner(partner_id: str, _address_hash: str) -> Iterator[None]:
    """Erase words, addresses and tokens, some hundreds a step; what platforms show stays there."""
    last = ""
    while True:
        own = select(Assignment.id).where(Assignment.partner_id == partner_id, Assignment.id > last)
        ids = list(db.session.scalars(own.order_by(Assignment.id).limit(AT_ONCE)))
        if not ids:
            break
        last = ids[-1]
        wiped: dict[str, Any] = {
            "text": "",
            "remote": None,
            "remote_url": None,
            "remote_id": None,
            "counts": {},
        }
        db.session.execute(update(Assignment).where(Assignment.id.in_(ids)).values(**wiped))
        yield
    accounts = update(SocialAccount).where(SocialAccount.partner_id == partner_id)
    db.session.execute(accounts.values(handle="", remote_id="", scope="", reason=None, limits={}))
    yield
