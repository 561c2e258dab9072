"""What Brevo says when it is asked: mails of unknown fate are settled, and what the webhook lost is found.

https://developers.brevo.com/reference/get-email-event-report, by day, at most 2,500 events a page, 90 days
back. Our own id does not stand in it: a mail whose message id never came back is recognised by whom it went
to and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select, update

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.jobs import Claim, Jobs
from contentflow.core.writes import insert_missing
from contentflow.mailing import brevo_lists, reports
from contentflow.mailing.events import BrevoDay, BrevoEvent
from contentflow.mailing.hooks import tell_undelivered
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.reports import MailReport

DAYS = Jobs(
    BrevoDay, "waiting", "reading", max_attempts=24, retry_seconds=lambda: (300, 900, 3600), failed="read"
)
PAGE = 2_500
DAYS_BACK = 89
# The webhook comes in windows of five minutes: what is younger is not late yet.
NOT_LATE_YET = timedelta(minutes=15)
# A mail is asked for again during ten minutes after its first try.
LAST_TRY_AFTER = timedelta(minutes=15)
SLACK = timedelta(minutes=1)
# What nobody knows after so long never arrived there.
BELIEVED_AFTER = timedelta(hours=24)
AGAIN_AFTER, OLD_AGAIN_AFTER = timedelta(minutes=50), timedelta(hours=20)
# The same mail may be put off, or bounce softly, more than once: by so much its times may differ.
REPEATED, SAME_WITHIN = {"deferred", "soft_bounce"}, timedelta(minutes=2)
MAX_DOUBTFUL = 1_000


def plan_days() -> list[str]:
    """Make due the days to ask about; return them.

    Today and yesterday, those since the last that was read, and those of mails of unknown fate.
    """
    today = clock.now().date()
    read = select(BrevoDay.id).where(BrevoDay.read_at.is_not(None))
    last = db.session.scalar(read.order_by(BrevoDay.id.desc()).limit(1))
    since = max(today - timedelta(days=DAYS_BACK), date.fromisoformat(last) if last else today)
    wanted = {today, today - timedelta(days=1)}
    wanted |= {since + timedelta(days=number) for number in range((today - since).days)}
    earliest = datetime.combine(today - timedelta(days=DAYS_BACK), datetime.min.time(), UTC)
    doubtful = select(Delivery.first_tried_at).where(*_is_doubtful(), Delivery.first_tried_at >= earliest)
    for at in db.session.scalars(doubtful.limit(MAX_DOUBTFUL)):
        if at is not None:
            wanted |= {at.date(), (at + LAST_TRY_AFTER).date()}
    return [day.isoformat() for day in sorted(wanted) if day <= today and _make_due(day, today)]


def _is_doubtful() -> tuple[Any, ...]:
    return Delivery.state == "unknown", Delivery.transport == "brevo", Delivery.message_id.is_(None)


def _make_due(day: date, today: date) -> bool:
    is_old = day < today - timedelta(days=1)
    before = clock.now() - (OLD_AGAIN_AFTER if is_old else AGAIN_AFTER)
    insert_missing(BrevoDay, id=day.isoformat())
    due = update(BrevoDay).where(
        BrevoDay.id == day.isoformat(),
        BrevoDay.state == "read",
        BrevoDay.read_at.is_(None) | (BrevoDay.read_at < before),
    )
    done = db.session.execute(due.values(state="waiting", next_attempt_at=None, attempts=0, next_offset=0))
    return bool(done.rowcount)  # type: ignore[attr-defined]


class Reading(NamedTuple):
    """``starts`` and ``ends`` are the days to ask for: an account counts its days in its own zone."""

    claim: Claim
    offset: int
    starts: str
    ends: str


def begin(day: str) -> Reading | None:
    claim = DAYS.claim(day)
    if claim is None:
        return None
    offset = db.session.scalar(select(BrevoDay.next_offset).where(BrevoDay.id == day)) or 0
    after = min(date.fromisoformat(day) + timedelta(days=1), clock.now().date())
    return Reading(claim, offset, day, after.isoformat())


def store_page(reading: Reading, offset: int, items: Sequence[Any]) -> int:
    """Store what of a page was not known, and return how much that was."""
    read = [one for one in map(reports.read_statistic, items) if one is not None]
    late = [
        one
        for one in read
        if one.occurred_at < clock.now() - NOT_LATE_YET and one.event not in reports.IN_SUMS
    ]
    missed = _of_ours(_untold(late))
    lost = brevo_lists.store_reports(missed, brevo_lists.ASKED).stored
    DAYS.write(reading.claim, next_offset=offset + len(items), lost=BrevoDay.lost + lost)
    return lost


def end(reading: Reading) -> None:
    """Close a day, and fail its mails that nobody has heard of there: their last try was a day ago."""
    DAYS.complete(reading.claim, state="read", read_at=clock.now(), next_offset=0, reason=None)
    day = date.fromisoformat(reading.claim.row_id)
    begins = datetime.combine(day, datetime.min.time(), UTC) - LAST_TRY_AFTER
    before = db.session.get(BrevoDay, (day - timedelta(days=1)).isoformat())
    if before is None or before.read_at is None:
        begins += LAST_TRY_AFTER
    until = min(begins + timedelta(days=1), clock.now() - BELIEVED_AFTER - LAST_TRY_AFTER)
    never = (*_is_doubtful(), Delivery.first_tried_at >= begins, Delivery.first_tried_at < until)
    ended = {"state": "failed", "reason": "Brevo never had it", "settled_at": clock.now()}
    failed = db.session.scalars(
        update(Delivery)
        .where(*never)
        .values(ended)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    tell_undelivered(failed)


def _untold(late: Sequence[MailReport]) -> list[MailReport]:
    """Return what is not among the events that are stored, whoever told them: one mail has one reader."""
    told: dict[tuple[str, str], list[datetime]] = {}
    ids = sorted({one.message_id for one in late})
    for start in range(0, len(ids), brevo_lists.AT_ONCE):
        which = BrevoEvent.message_id.in_(ids[start : start + brevo_lists.AT_ONCE])
        for message_id, event, at in db.session.execute(
            select(BrevoEvent.message_id, BrevoEvent.event, BrevoEvent.ts_event).where(which)
        ):
            told.setdefault((message_id, event), []).append(at)
    return [one for one in late if not _is_told(one, told.get((one.message_id, one.event), []))]


def _is_told(one: MailReport, times: Iterable[datetime]) -> bool:
    return any(one.event not in REPEATED or abs(at - one.occurred_at) <= SAME_WITHIN for at in times)


def _of_ours(missed: Sequence[MailReport]) -> list[MailReport]:
    """Return those of a mail of ours; a mail in doubt is found by its reader and its time."""
    ours = brevo_lists.mails_of(missed)
    strange = [one for one in missed if one.message_id not in ours]
    found = _recognised(strange)
    named = [replace(one, our_id=found.get(one.message_id, "")) for one in missed]
    return [one for one in named if one.our_id or one.message_id in ours]


def _recognised(strange: Sequence[MailReport]) -> dict[str, str]:
    """Return our ids by the message ids of mails in doubt, each mail for one message."""
    first_told = {
        one.message_id: one for one in sorted(strange, key=lambda one: one.occurred_at, reverse=True)
    }
    by_reader: dict[str, list[MailReport]] = {}
    for one in first_told.values():
        by_reader.setdefault(recipient_hash(one.address), []).append(one)
    found: dict[str, str] = {}
    for doubtful in _doubtful_to(list(by_reader)):
        began = doubtful.first_tried_at
        fits = [
            one
            for one in by_reader[doubtful.recipient_hash]
            if began is not None and began - SLACK <= one.occurred_at < began + LAST_TRY_AFTER
        ]
        if fits:
            nearest = min(fits, key=lambda one: one.occurred_at)
            by_reader[doubtful.recipient_hash].remove(nearest)
            found[nearest.message_id] = doubtful.id
    return found


def _doubtful_to(readers: Sequence[str]) -> list[Delivery]:
    found: list[Delivery] = []
    for start in range(0, len(readers), brevo_lists.AT_ONCE):
        which = Delivery.recipient_hash.in_(readers[start : start + brevo_lists.AT_ONCE])
        found += db.session.scalars(select(Delivery).where(which, *_is_doubtful()))
    return sorted(found, key=lambda one: one.first_tried_at or one.created_at)
