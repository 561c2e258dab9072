"""After a publication: taken down where its partner asks, counted ever more rarely, gone when it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.broker import enqueue_now
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.core.jobs import Claim
from contentflow.publishing import breaker
from contentflow.publishing.models import ASSIGNMENTS, Assignment, SocialAccount
from contentflow.publishing.platforms import SPOKEN
from contentflow.publishing.services import FOLLOW

COUNTED_FOR = timedelta(days=30)
AGAIN_SECONDS = 60.0


def due_ids() -> list[str]:
    now = clock.now()
    is_free = Assignment.leased_until.is_(None) | (Assignment.leased_until <= now)
    due = Assignment.state == "published", Assignment.next_attempt_at <= now, is_free
    return list(db.session.scalars(select(Assignment.id).where(*due).limit(50)))


def enqueue_due() -> None:
    found = due_ids() if settings().publishing_enabled else []
    db.session.rollback()
    for assignment_id in found:
        enqueue_now(FOLLOW, assignment_id)


def follow(assignment_id: str) -> None:
    """Task: take one published post down, or read its numbers."""
    # What speaks to platforms is no part of a web process.
    from contentflow.core.outbound import NoAnswer, NotReached
    from contentflow.publishing.drivers import COUNTERS, DELETERS

    claimed = _claim(assignment_id)
    if claimed is None:
        return
    claim, row, account = claimed
    try:
        if row.step == "delete":
            is_gone = account is not None and DELETERS[row.platform](account, row.remote_id or "")
            _write(claim, _taken_down() if is_gone else _later(claim))
        else:
            counted = COUNTERS[row.platform](account, row.remote_id or "") if account else {}
            now = clock.now()
            numbers = {**counted, "at": clock.iso(now)} if counted else row.counts
            seen: dict[str, object] = {
                "counts": numbers,
                "next_attempt_at": next_look(row.published_at or now, now),
            }
            _write(claim, _taken_down() if counted is None else seen)
    except (NotReached, NoAnswer):
        _write(claim, _later(claim))


def _claim(assignment_id: str) -> tuple[Claim, Assignment, SocialAccount | None] | None:
    now, lease = clock.now(), new_id()
    with transaction():
        is_free = Assignment.leased_until.is_(None) | (Assignment.leased_until <= now)
        mine = Assignment.id == assignment_id, Assignment.state == "published", is_free
        ends = now + timedelta(seconds=4 * settings().publish_timeout_seconds)
        taken = update(Assignment).where(*mine, Assignment.next_attempt_at <= now)
        if not db.session.execute(taken.values(lease=lease, leased_until=ends)).rowcount:  # type: ignore[attr-defined]
            return None
        row = db.session.get_one(Assignment, assignment_id, populate_existing=True)
        if row.platform not in SPOKEN or breaker.is_paused_by_operator(row.platform):
            row.lease, row.leased_until, row.next_attempt_at = None, None, now + timedelta(hours=1)
            return None
        account = db.session.get(SocialAccount, row.account_id) if row.account_id else None
        db.session.flush()
        db.session.expunge(row)
        if account is not None:
            db.session.expunge(account)
            account = account if account.oauth_json is not None else None
    return Claim(assignment_id, lease, row.attempts), row, account


def _write(claim: Claim, values: dict[str, object]) -> None:
    with transaction():
        ASSIGNMENTS.complete(claim, **values)


def _taken_down() -> dict[str, object]:
    return {"state": "deleted", "step": "", "reason": None, "next_attempt_at": None}


def _later(claim: Claim) -> dict[str, object]:
    return {"next_attempt_at": clock.now() + timedelta(seconds=AGAIN_SECONDS)}


def next_look(published_at: datetime, now: datetime) -> datetime | None:
    """Return when to read again: after a tenth of the post's age, an hour at least; never after 30 days."""
    age = now - published_at
    if age > COUNTED_FOR:
        return None
    return now + max(timedelta(hours=1), age / 10)
