"""The keys of the visitor hash: one a UTC day, random, destroyed an hour after the day.

That hour is for duplicates across midnight. No key is older than 25 hours then, and without it
nobody can tell which address and agent a hash was of.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Final

from sqlalchemy import Connection, delete, or_, select, text

from contentflow.core import clock
from contentflow.core.db import db, empty_write_ahead_log, is_sqlite, transaction
from contentflow.core.signing import keyed_hash
from contentflow.core.writes import insert_missing
from contentflow.links.models import VisitorKey
from contentflow.links.short_transaction import PATIENCE_SECONDS, REFUSALS, short_transaction

KEPT_AFTER_DAY: Final = timedelta(hours=1)
KEY_BYTES: Final = 64
HASH_BYTES: Final = 16
REST_SECONDS: Final = 3.0

Keys = dict[date, bytes]


class KeyRing:
    """The keys that this process knows; nothing of them outlives it."""

    def __init__(self) -> None:
        self.keys: Keys = {}
        self._lock = threading.Lock()
        self._asked_on: date | None = None
        self._rest_until = 0.0

    def cached(self, at: datetime) -> Keys:
        """Return what is known without asking; forget what may not be used any more."""
        days = days_in_use(at)
        if self.keys.keys() - days:
            self.keys = {day: key for day, key in self.keys.items() if day in days}
        return self.keys

    def has_all(self, at: datetime) -> bool:
        """Whether nothing need be asked for, or asking was in vain a moment ago."""
        if self.keys.keys() >= set(days_in_use(at)):
            return True
        return self._asked_on == at.date() and time.monotonic() < self._rest_until

    def fetch(self, at: datetime) -> None:
        """Ask the database for the keys of ``at``, and make today's if it is missing.

        Where it refuses, clicks go without hashes for some seconds, and then it is asked again.
        """
        with self._lock:  # Whoever comes meanwhile waits for the key: without it a repeat would count.
            if self.has_all(at):
                return
            with suppress(*REFUSALS):
                with short_transaction(writes=False) as connection:
                    known = _read(connection, at)
                if at.date() not in known:
                    key = secrets.token_bytes(KEY_BYTES)
                    with short_transaction(writes=True) as connection:
                        insert_missing(VisitorKey, on=connection, day=at.date(), key=key)
                        known = _read(connection, at)
                self.keys = known
            self._asked_on, self._rest_until = at.date(), time.monotonic() + REST_SECONDS


def days_in_use(at: datetime) -> list[date]:
    """Return the days whose keys may be used at ``at``: its own and, in the first hour, the day before."""
    today = at.date()
    return [today] if at.hour else [today, (at - KEPT_AFTER_DAY).date()]


def _read(connection: Connection, at: datetime) -> Keys:
    found = connection.execute(select(VisitorKey).where(VisitorKey.day.in_(days_in_use(at))))
    return {row.day: row.key for row in found}


def hashes(keys: Keys, at: datetime, texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the hashes of texts, and in the day's first hour those under yesterday's key; else ""."""
    today, *before = days_in_use(at)
    return _hashes(keys, today, texts), _hashes(keys, before[0], texts) if before else [""] * len(texts)


def _hashes(keys: Keys, day: date, texts: Sequence[str]) -> list[str]:
    """Return the day's number and 128 bits, in hex (BLAKE2b with a key, RFC 7693).

    It takes a third of HMAC-SHA256's time; a key of 32 bytes was drawn before an update on that day, whose
    hashes are HMACs.
    """
    key = keys.get(day)
    if key is None:
        return [""] * len(texts)
    if len(key) != KEY_BYTES:
        return [keyed_hash(key, text) for text in texts]
    number = f"{day.toordinal():05x}"
    return [number + blake2b(text.encode(), digest_size=HASH_BYTES, key=key).hexdigest() for text in texts]


def destroy_old_keys() -> None:
    """Sweep: delete the keys that may not be used any more, from the file's free pages too."""
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
    # It still holds the page with the key; the next day asks again where readers hold it.
    empty_write_ahead_log(tries=1, wait_seconds=PATIENCE_SECONDS)
