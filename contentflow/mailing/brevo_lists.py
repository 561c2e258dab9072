"""Brevo's events on their way in: the list is kept as it came, then each of its events once.

Kept first, in a transaction of its own: what comes after may fail and is done again by the worker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import delete, select, text
from sqlalchemy.orm import InstrumentedAttribute

from contentflow.core import clock
from contentflow.core.db import db, listed, transaction, written_time
from contentflow.core.errors import Refused
from contentflow.core.heartbeat import BREVO, beat
from contentflow.core.jobs import Jobs
from contentflow.core.writes import add_to_sums, insert_missing
from contentflow.mailing import reports
from contentflow.mailing.events import BrevoDay, BrevoList
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.reports import MailReport

WEBHOOK, ASKED = "webhook", "asked"
# Longer than any call is waited for: the worker takes a list over that its caller did not finish.
LEFT_ALONE_SECONDS = 15
# Brevo waits five seconds for an answer, then calls it lost and sends again.
TIMEOUT_MS = 4_000
LISTS = Jobs(BrevoList, "waiting", "reading", max_attempts=1_000, retry_seconds=lambda: (10, 60, 600, 3600))
AT_ONCE = 500
_COLUMNS = {
    "message_id": "text",
    "event": "text",
    "address_hash": "text",
    "ts_event": "timestamptz",
    "delivery_id": "text",
    "source": "text",
    "is_ours": "boolean",
    "apply_at": "timestamptz",
    "received_at": "timestamptz",
}


class Unreadable(Refused):
    """It is no JSON, or no event and no list: it will never be readable."""

    status = 422


class Stored(NamedTuple):
    """``stored`` events are new, ``known`` ones belong to a mail of ours, new or not."""

    stored: int
    known: int


class _Mail(NamedTuple):
    id: str
    state: str


def read_items(body: bytes) -> list[Any]:
    """Return the events of a body: it is one, or a list of them. Raises ``Unreadable``."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise Unreadable
    return found


def keep_list(body: bytes) -> str:
    """Keep a body as it came; the same one again is the one that is kept."""
    list_id = hashlib.sha256(body).hexdigest()
    later = clock.now() + timedelta(seconds=LEFT_ALONE_SECONDS)
    insert_missing(BrevoList, id=list_id, body=body, state="waiting", next_attempt_at=later)
    return list_id


def store_list(list_id: str, items: Sequence[Any]) -> Stored:
    """Store the events of a list that was kept; a second call finds them all and stores nothing."""
    read = [report for report in map(reports.read_report, items) if report is not None]
    counted = store_reports(read, WEBHOOK)
    gone = db.session.execute(delete(BrevoList).where(BrevoList.id == list_id))
    if gone.rowcount:  # type: ignore[attr-defined]
        today = {"id": clock.now().date().isoformat()}
        add_to_sums(BrevoDay, today, received=len(items), unreadable=len(items) - len(read))
    beat(BREVO)
    return counted


def store_reports(read: Iterable[MailReport], source: str) -> Stored:
    """Store what is not known yet, in one statement however many they are."""
    found = list(read)
    mails = mails_of(found)
    key = itemgetter("message_id", "event", "address_hash", "ts_event")
    rows = {key(row): row for row in (_row(one, mails, source) for one in found)}
    names = ", ".join(_COLUMNS)
    statement = text(
        f"INSERT INTO brevo_events ({names}) SELECT {names} FROM {listed(db.engine.dialect.name, _COLUMNS)} "
        "WHERE true ON CONFLICT DO NOTHING"  # SQLite takes ON for a join's where no WHERE stands before it.
    )
    done = db.session.execute(statement, {"rows": json.dumps(list(rows.values()))})
    stored = int(done.rowcount)  # type: ignore[attr-defined]
    return Stored(stored, sum(row["is_ours"] for row in rows.values()))


def read_waiting_list(list_id: str) -> None:
    """Store a list that its caller left behind; the worker's task."""
    with transaction():
        claim = LISTS.claim(list_id)
    if claim is None:
        return
    try:
        with transaction():
            body = db.session.scalars(select(BrevoList.body).where(BrevoList.id == list_id)).one()
            store_list(list_id, read_items(body))
    except Exception:
        with transaction():
            LISTS.retry_later(claim)
        raise


def mails_of(found: Sequence[MailReport]) -> dict[str, _Mail]:
    """Return the mails that reports speak of, by our id and by the service's."""
    mails = dict(_looked_up(Delivery.id, {one.our_id for one in found} - {""}))
    left = {one.message_id for one in found if one.our_id not in mails} - {""}
    spelled = {spelling for one in left for spelling in (one, f"<{one}>")}
    by_service = _looked_up(Delivery.message_id, spelled)
    return mails | {reports.plain_id(service_id): mail for service_id, mail in by_service}


def _looked_up(column: InstrumentedAttribute[Any], values: Iterable[str]) -> Iterator[tuple[str, _Mail]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), AT_ONCE):
        which = column.in_(ordered[start : start + AT_ONCE])
        for value, mail_id, state in db.session.execute(
            select(column, Delivery.id, Delivery.state).where(which)
        ):
            yield value, _Mail(mail_id, state)


def _row(one: MailReport, mails: Mapping[str, _Mail], source: str) -> dict[str, Any]:
    dialect, now = db.engine.dialect.name, clock.now()
    mail = mails.get(one.our_id) or mails.get(one.message_id)
    message_id, address_hash = one.message_id, recipient_hash(one.address) if one.address else ""
    told_of = None if one.event in reports.IN_SUMS - {reports.CLICK} else mail
    if one.event in reports.IN_SUMS:
        message_id, address_hash = recipient_hash(f"message {one.message_id or one.our_id}"), ""
    changes_much = one.event in reports.ENDS or one.event == reports.CLICK
    needs_work = told_of is not None and (changes_much or told_of.state != "sent")
    return {
        "message_id": message_id,
        "event": one.event,
        "address_hash": address_hash,
        "ts_event": written_time(dialect, one.occurred_at),
        "delivery_id": told_of.id if told_of else None,
        "source": source,
        "is_ours": mail is not None,
        "apply_at": written_time(dialect, now) if needs_work else None,
        "received_at": written_time(dialect, now),
    }
