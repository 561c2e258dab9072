"""A restored programme: what was due since the backup may have gone out from the original."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from contentflow.core.db import db
from contentflow.publishing.models import Assignment


def give_up_doubtful(restored_at: datetime, ended_at: datetime) -> int:
    """Leave to the partner what the original may have published meanwhile; returns how many.

    Of a post whose time had come nobody here knows whether it is there: its partner looks, and says so.
    """
    made_before = Assignment.created_at <= restored_at, Assignment.account_id.is_not(None)
    due = Assignment.state == "scheduled", Assignment.publish_at <= ended_at
    under_way = Assignment.state == "publishing"
    unclear = {"state": "unknown", "reason": "given_up", "lease": None, "leased_until": None, "step": ""}
    doubtful = update(Assignment).where(*made_before, (due[0] & due[1]) | under_way)
    done = db.session.execute(doubtful.values(**unclear).execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]
