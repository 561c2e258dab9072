"""The whole sender rests when the service refuses the account, is away, or asks to wait.

When the rest is over one message is tried; only its answer opens the way for the others.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from sqlalchemy import delete, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.mailing.models import MailPause
from contentflow.mailing.rows import insert_missing
from contentflow.tongue import says

Way = Literal["open", "probe", "closed"]
# Not a transport: share mail over all partners waits for EMAIL_ACCOUNT_DAILY_LIMIT.
ACCOUNT = "account"


def way(transport: str) -> Way:
    """Say whether mail may leave: freely, one mail to try, or not now."""
    until = db.session.scalar(select(MailPause.until).where(MailPause.transport == transport))
    if until is None:
        return "open"
    return "closed" if until > clock.now() else "probe"


def take_way(transport: str) -> Way:
    """As ``way``; of those who ask for the one try at once, one gets it."""
    found = way(transport)
    if found != "probe":
        return found
    now = clock.now()
    taken = db.session.execute(
        update(MailPause)
        .where(MailPause.transport == transport, MailPause.until <= now)
        .values(since=now, until=now + timedelta(seconds=settings().mail_pause_seconds))
        .execution_options(synchronize_session=False)
    )
    return "probe" if taken.rowcount else "closed"  # type: ignore[attr-defined]


def rest(transport: str, seconds: float, reason: str) -> None:
    now = clock.now()
    values = {"since": now, "until": now + timedelta(seconds=seconds), "reason": reason}
    insert_missing(MailPause, transport=transport, **values)
    db.session.execute(update(MailPause).where(MailPause.transport == transport).values(values))


def end(transport: str | None = None) -> int:
    """End one rest, or all; returns how many there were."""
    which = [MailPause.transport == transport] if transport else []
    return int(db.session.execute(delete(MailPause).where(*which)).rowcount)  # type: ignore[attr-defined]


def all_pauses() -> list[MailPause]:
    return list(db.session.scalars(select(MailPause).order_by(MailPause.transport)))


def check_mail() -> str | None:
    """Doctor: None when mail leaves freely, or none is meant to."""
    for pause in all_pauses():
        sentence = says(
            "L’envoi se repose (%(transport)s : %(reason)s) : réparez, puis « contentflow mailing resume »."
        )
        return sentence % {"transport": pause.transport, "reason": pause.reason}
    return None
