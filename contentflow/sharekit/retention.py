"""What is kept of shares, and how long: each press with its text for 13 months, then only how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import delete, select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.writes import add_to_sums
from contentflow.sharekit.models import ShareLog, ShareSum, went_out

KEPT = timedelta(days=396)  # 13 months
# Rows a transaction: others write between two of them.
AT_ONCE = 500


def erase_old_shares() -> None:
    """Delete the logs of more than 13 months, some hundreds a transaction; their number stays."""
    old = select(ShareLog.id).where(ShareLog.created_at < clock.now() - KEPT)
    while True:
        with transaction():
            ids = list(db.session.scalars(old.order_by(ShareLog.created_at).limit(AT_ONCE)))
            shared = select(ShareLog.submission_id, ShareLog.channel).where(ShareLog.id.in_(ids), went_out())
            gone = db.session.execute(shared).all()
            db.session.execute(
                delete(ShareLog).where(ShareLog.id.in_(ids)).execution_options(synchronize_session=False)
            )
            # In one order everywhere, so that two workers do not wait for each other.
            counts = sorted(Counter((row.submission_id, row.channel) for row in gone).items())
            for (submission_id, channel), number in counts:
                key = {"submission_id": submission_id, "channel": channel}
                add_to_sums(ShareSum, key, shares=number)
        if len(ids) < AT_ONCE:
            return


def sweep_partner(partner_id: str, _address_hash: str) -> Iterator[None]:
    """Erase the texts that a partner shared, some hundreds a step; that they were shared stays counted."""
    own = ShareLog.partner_id == partner_id, ShareLog.message != ""
    while ids := list(db.session.scalars(select(ShareLog.id).where(*own).limit(AT_ONCE))):
        wiped = update(ShareLog).where(ShareLog.id.in_(ids)).values(message="")
        db.session.execute(wiped.execution_options(synchronize_session=False))
        yield
