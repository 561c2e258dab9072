"""What the worker does with publications: each goes a step, and what is due is found again."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.broker import enqueue_now
from contentflow.core.db import db, transaction
from contentflow.publishing import confirming, outgoing
from contentflow.publishing.models import ASSIGNMENTS, Assignment
from contentflow.publishing.outcomes import Outcome, indeterminate

log = logging.getLogger(__name__)

STEP_SECONDS = 3_600.0  # Of one step: a film of several gigabytes over a slow line.


def publish(assignment_id: str) -> None:
    """Take one assignment a step further. A second message about it does nothing."""
    from contentflow.publishing.drivers import (
        DRIVERS,  # What speaks to platforms is no part of a web process.
    )

    with transaction():
        job = outgoing.claim(assignment_id)
    if job is None:
        return
    with ASSIGNMENTS.keep_lease(job.claim, STEP_SECONDS):
        try:
            outcome: Outcome = DRIVERS[job.row.platform](job)
        except outgoing.AssignmentLost:
            return
        except SQLAlchemyError:
            raise  # The lease runs out, and whoever takes the row then looks first.
        except Exception:
            log.exception("publishing on %s was not foreseen to end so", job.row.platform)
            outcome = indeterminate("unforeseen")
    with transaction():
        outgoing.complete(job, outcome)


def enqueue_due() -> None:
    due = outgoing.due_ids()
    db.session.rollback()
    for assignment_id in due:
        enqueue_now(confirming.PUBLISH, assignment_id)


def backlog() -> tuple[int, float]:
    return ASSIGNMENTS.backlog(Assignment.publish_at) if settings().publishing_enabled else (0, 0.0)


def date_anew() -> None:
    """Sweep: a lease that ends more than a day from now was written by a clock that was ahead."""
    now = clock.now()
    ahead = Assignment.leased_until > now + timedelta(seconds=outgoing.MAX_WAIT_SECONDS) + clock.SLACK
    is_open = Assignment.state.in_(("publishing", "published"))
    found = db.session.scalar(select(Assignment.id).where(is_open, ahead).limit(1))
    db.session.rollback()
    if found is not None:
        with transaction():
            db.session.execute(update(Assignment).where(is_open, ahead).values(leased_until=now))
