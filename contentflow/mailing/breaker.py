"""A circuit breaker a transport: it opens when the service refuses the account, is away, or asks to wait.

Half open, one message is tried; only its answer closes the breaker for the others. The table holds the
open ones alone: where there is no row, mail leaves.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from sqlalchemy import delete, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.writes import insert_missing
from contentflow.mailing.models import Breaker
from contentflow.terminal_language import says

State = Literal["closed", "half_open", "open"]
# Not a transport: share mail over all partners waits for EMAIL_ACCOUNT_DAILY_LIMIT.
ACCOUNT = "account"


def state(transport: str) -> State:
    """Say whether mail may leave: freely, one mail to try, or not now."""
    half_open_at = db.session.scalar(select(Breaker.half_open_at).where(Breaker.transport == transport))
    if half_open_at is None:
        return "closed"
    return "open" if half_open_at > clock.now() else "half_open"


def let_through(transport: str) -> State:
    """As ``state``; of those who ask for the one try at once, one gets it."""
    found = state(transport)
    if found != "half_open":
        return found
    now = clock.now()
    again_at = now + timedelta(seconds=settings().mail_pause_seconds)
    taken = db.session.execute(
        update(Breaker)
        .where(Breaker.transport == transport, Breaker.half_open_at <= now)
        .values(opened_at=now, half_open_at=again_at)
        .execution_options(synchronize_session=False)
    )
    return "half_open" if taken.rowcount else "open"  # type: ignore[attr-defined]


def trip(transport: str, seconds: float, reason: str) -> None:
    """Open the breaker; in ``seconds`` it is half open."""
    now = clock.now()
    half_open_at = now + timedelta(seconds=seconds)
    values = {"opened_at": now, "half_open_at": half_open_at, "reason": reason}
    insert_missing(Breaker, transport=transport, since=now, until=half_open_at, reason=reason)
    db.session.execute(update(Breaker).where(Breaker.transport == transport).values(values))


def close(transport: str | None = None) -> int:
    """Close one, or all; returns how many were open."""
    which = [Breaker.transport == transport] if transport else []
    return int(db.session.execute(delete(Breaker).where(*which)).rowcount)  # type: ignore[attr-defined]


def all_open() -> list[Breaker]:
    return list(db.session.scalars(select(Breaker).order_by(Breaker.transport)))


def check_mail() -> str | None:
    """Doctor: None when mail leaves freely, or none is meant to."""
    for one in all_open():
        sentence = says(
            "L’envoi se repose (%(transport)s : %(reason)s) : réparez, puis « contentflow mailing resume »."
        )
        return sentence % {"transport": one.transport, "reason": one.reason}
    return None
