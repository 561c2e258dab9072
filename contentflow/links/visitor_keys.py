"""The keys of the visitor hash: one a UTC day, random, destroyed an hour after the day.

That hour is for duplicates across midnight. No key is older than 25 hours then, and without it
nobody can tell which address and agent a hash was of.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite

from contentflow.core import clock
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.core.signing import keyed_hash
from contentflow.links.memory import memory
from contentflow.links.models import VisitorKey
from contentflow.links.patience import empty_write_ahead_log

KEPT_AFTER_DAY = timedelta(hours=1)
KEY_BYTES = 32

Keys = dict[date, bytes]


def days_in_use(at: datetime) -> list[date]:
    """Return the days whose keys may be used at ``at``: its own and, in the first hour, the day before."""
    return sorted({at.date(), (at - KEPT_AFTER_DAY).date()}, reverse=True)


def keys_at_hand(at: datetime) -> Keys:
    """Return what this process knows without asking; forget what may not be used any more."""
    known, days = memory().keys, days_in_use(at)
    for day in [day for day in known if day not in days]:
        known.pop(day, None)
    return {day: known[day] for day in days if day in known}


def keys_for(connection: Connection, at: datetime) -> Keys:
    """Return the keys of ``days_in_use``, making today's if it is missing. Remember them once committed."""
    keys, days = keys_at_hand(at), days_in_use(at)
    if days[0] not in keys:
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        new = insert(VisitorKey).values(day=days[0], key=secrets.token_bytes(KEY_BYTES))
        connection.execute(new.on_conflict_do_nothing())
    if len(keys) < len(days):
        found = connection.execute(select(VisitorKey).where(VisitorKey.day.in_(days)))
        keys = {row.day: row.key for row in found}
    return keys


def hashes(keys: Keys, at: datetime, text: str) -> tuple[str | None, str | None]:
    """Return the hash of a text, and in the day's first hour the one under yesterday's key."""
    made = [keyed_hash(keys[day], text) if day in keys else None for day in days_in_use(at)]
    return made[0], made[1] if len(made) > 1 else None


def destroy_old_keys() -> None:
    """Sweep: delete the keys that may not be used any more, from the file's free pages too."""
    keys_at_hand(clock.now())
    today = clock.now().date()
    # One from the days to come was made while a clock was ahead, and would be kept until then.
    old = or_(VisitorKey.day < days_in_use(clock.now())[-1], VisitorKey.day > today + timedelta(days=1))
    is_due = db.session.scalar(select(VisitorKey.day).where(old).limit(1)) is not None
    db.session.rollback()
    if not is_due:
        return
    with transaction():
        if is_sqlite():
            db.session.execute(text("PRAGMA secure_delete=ON"))
        db.session.execute(delete(VisitorKey).where(old))
    if is_sqlite():
        empty_write_ahead_log()  # It still holds the page with the key.
