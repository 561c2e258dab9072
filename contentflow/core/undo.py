"""What may still be undone: an act of the last minutes, by who did it, once."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import is_id
from contentflow.core.writes import lock

UNDO = "undo"
UNDOES = "undoes"  # in what was before: the id of the entry that was taken back


class UndoTooLate(Refused):
    status = 409
    message = _l("Cela ne s’annule plus : le délai est passé.")


class Undone(Refused):
    status = 409
    message = _l("C’est déjà annulé.")


def over_at() -> datetime:
    """Return when what is done now can be undone no more: a mail that tells of it leaves then."""
    return clock.now() + timedelta(seconds=settings().console_undo_seconds)


def is_open(entry: AuditEntry) -> bool:
    """Whether the time in which it may be undone is not over."""
    age = clock.now() - entry.recorded_at
    return -clock.SLACK <= age <= timedelta(seconds=settings().console_undo_seconds)


def take(entry_id: str, actor: str) -> AuditEntry:
    """Return the entry of an act that ``actor`` may undo now, and note that it is undone.

    Raises ``NotFound`` for what is no act of theirs, ``UndoTooLate`` and ``Undone``.
    """
    entry = db.session.get(AuditEntry, entry_id) if is_id(entry_id) else None
    if entry is None or entry.actor != actor:
        raise NotFound
    lock(f"undo {entry.id}")
    if entry.id in undone_by(actor):
        raise Undone
    if not is_open(entry):
        raise UndoTooLate
    undone = {"act": entry.act, UNDOES: entry.id}
    audit.note(actor, UNDO, entry.subject, before={**undone, **(entry.after or {})}, after=entry.before)
    return entry


def undone_by(actor: str) -> set[str]:
    """Return the ids of the entries that ``actor`` took back while it was still possible."""
    since = clock.now() - timedelta(seconds=settings().console_undo_seconds) - 2 * clock.SLACK
    found = select(AuditEntry.before).where(
        AuditEntry.actor == actor, AuditEntry.recorded_at > since, AuditEntry.act == UNDO
    )
    return {before[UNDOES] for before in db.session.scalars(found) if before and UNDOES in before}
