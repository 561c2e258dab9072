"""What an erasure leaves of a partner's posts: their terms and dates, without a word."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sqlalchemy import func, select, update

from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.db import after_commit, db
from contentflow.pipeline import arrivals
from contentflow.pipeline import services as pipeline

AT_ONCE = 100


def sweep_partner(partner_id: str, _address_hash: str) -> Iterator[None]:
    """Withdraw the posts and erase their words and videos, a hundred a step; each step is a transaction."""
    after_commit(partial(arrivals.drop_all, partner_id))
    last = ""
    while True:
        own = Submission.partner_id == partner_id, Submission.id > last
        found = select(Submission.id, Submission.asset_id).where(*own).order_by(Submission.id).limit(AT_ONCE)
        rows = db.session.execute(found.with_for_update(key_share=True)).all()
        if not rows:
            return
        last = rows[-1].id
        words = dict.fromkeys(("title", "description", "hashtags", "cta", "source_url"), "")
        withdrawn = func.coalesce(Submission.archived_at, clock.now())
        db.session.execute(
            update(Submission)
            .where(Submission.id.in_([row.id for row in rows]))
            # The hash was of the words; a post's id tells nothing and is as good a key.
            .values(**words, reason=None, archived_at=withdrawn, draft_hash=Submission.id)
            .execution_options(synchronize_session=False)
        )
        pipeline.erase_assets([row.asset_id for row in rows])
        yield
