"""What is kept of shares, and how long: each press with its text for 13 months, then only how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from contentflow.core import clock
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.sharekit.models import ShareLog, ShareSum, went_out

KEPT = timedelta(days=396)  # 13 months
AT_ONCE = 500


def forget_old_shares() -> None:
    """Chore: delete the logs of more than 13 months, some hundreds a transaction; their number stays."""
    before = clock.now() - KEPT
    while _forget_some(before):
        pass


def _forget_some(before: datetime) -> int:
    with transaction():
        oldest = select(ShareLog.id).where(ShareLog.created_at < before).order_by(ShareLog.created_at)
        ids = list(db.session.scalars(oldest.limit(AT_ONCE)))
        shared = select(ShareLog.submission_id, ShareLog.channel).where(ShareLog.id.in_(ids), went_out())
        gone = db.session.execute(shared).all()
        db.session.execute(
            delete(ShareLog).where(ShareLog.id.in_(ids)).execution_options(synchronize_session=False)
        )
        # In one order everywhere, so that two workers do not wait for each other.
        counts = sorted(Counter((row.submission_id, row.channel) for row in gone).items())
        for (submission_id, channel), number in counts:
            _add(submission_id, channel, number)
    return len(ids)


def _add(submission_id: str, channel: str, number: int) -> None:
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    new = insert(ShareSum).values(submission_id=submission_id, channel=channel, shares=number)
    key = [ShareSum.submission_id, ShareSum.channel]
    sums = {"shares": ShareSum.shares + new.excluded.shares}
    db.session.execute(new.on_conflict_do_update(index_elements=key, set_=sums))


def sweep_partner(partner_id: str, _address_hash: str) -> Iterator[None]:
    """Erase the texts that a partner shared, some hundreds a step; that they were shared stays counted."""
    own = ShareLog.partner_id == partner_id, ShareLog.message != ""
    while ids := list(db.session.scalars(select(ShareLog.id).where(*own).limit(AT_ONCE))):
        wiped = update(ShareLog).where(ShareLog.id.in_(ids)).values(message="")
        db.session.execute(wiped.execution_options(synchronize_session=False))
        yield
