"""Mail that stood in a backup: the original may have sent it after the backup was made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Update, func, or_, update

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.mailing.models import WAITING, Delivery
from contentflow.mailing.sending import DELIVERIES

OPEN = (*WAITING, DELIVERIES.busy)


def drop_logins() -> Update:
    """Let no login mail of the backup leave: its reader asked the original, and asks anew."""
    waits = (Delivery.kind == "login", Delivery.state.in_(OPEN))
    ended = {"state": "cancelled", "reason": "restored from a backup", "settled_at": clock.now()}
    return update(Delivery).where(*waits).values(lease=None, leased_until=None, **ended)


def give_up_doubtful(restored_at: datetime, ended_at: datetime) -> int:
    """Make ``unknown`` what the original, which went on until ``ended_at``, may have sent; return how many.

    Only mail from before ``restored_at`` is in doubt, and of it only what was due, or on its way, by then.
    """
    due_at = func.coalesce(Delivery.next_attempt_at, Delivery.created_at)
    doubtful = (
        Delivery.state.in_(OPEN),
        Delivery.created_at <= restored_at,
        or_(Delivery.state == DELIVERIES.busy, due_at <= ended_at),
    )
    values = {"state": "unknown", "reason": "may have left before the restore", "settled_at": clock.now()}
    changed = update(Delivery).where(*doubtful).values(lease=None, leased_until=None, **values)
    done = db.session.execute(changed.execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]
