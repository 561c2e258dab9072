"""The end of an account: at once the person is out and nothing goes on in their name; the rest in steps.

The first transaction makes the partner nameless, ends sessions, links and waiting mails, and notes that
there is more to erase. Words, addresses and videos then go some hundreds at a time, each step a transaction
of its own, so that nobody waits for all of them; a worker ends what a killed process began.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from sqlalchemy import delete, or_, select

from contentflow.core import audit, clock
from contentflow.core.bucket_errors import BucketFailed
from contentflow.core.db import db, empty_write_ahead_log, transaction
from contentflow.core.registry import registry
from contentflow.mailing.recipients import recipient_hash
from contentflow.partners import team
from contentflow.partners.locks import lock_active, lock_partner
from contentflow.partners.models import Erasure

log = logging.getLogger(__name__)

IN_REQUEST_SECONDS = 20.0
LEFT_AFTER = timedelta(seconds=60)
PAUSE_SECONDS = 0.02  # Between two steps others write; they wait as long as a step takes, at most.
# A bucket that was silent is asked by nobody for five seconds, also when it is back.
BUCKET_SECONDS, ASK_AGAIN_SECONDS = 7.0, 1.0


def begin(partner_id: str) -> None:
    """Put the person out, in the open transaction. Raises ``NotFound``, ``AccountClosed``, ``LastOwner``."""
    partner = lock_active(partner_id)
    assert partner.email is not None
    team.refuse_last_owner(partner)
    audit.note(partner_id, "partner.erase", partner_id)
    db.session.add(Erasure(partner_id=partner_id, address_hash=recipient_hash(partner.email)))
    for erase in registry().erasures:
        erase(partner_id)
    db.session.flush()


def finish(partner_id: str, seconds: float = IN_REQUEST_SECONDS) -> bool:
    """Erase what is left, in transactions of its own; False when ``seconds`` were not enough for all of it,
    or the bucket with its videos stays away.

    What was erased may be erased again: two processes that do so at once do no harm.
    """
    until = time.monotonic() + seconds
    bucket_until = time.monotonic() + min(BUCKET_SECONDS, seconds)
    address_hash = db.session.scalar(select(Erasure.address_hash).where(Erasure.partner_id == partner_id))
    if address_hash is None:
        return True
    for sweep in registry().sweeps:
        steps, is_over = sweep(partner_id, address_hash), False
        while not is_over:
            began = time.monotonic()
            if began > until:
                return False
            try:
                with transaction():
                    lock_partner(partner_id)
                    is_over = next(steps, _OVER) is _OVER
            except BucketFailed as failed:
                if time.monotonic() > bucket_until:
                    log.warning("an erasure is ended later: the bucket failed (%s)", failed.word)
                    return False
                time.sleep(ASK_AGAIN_SECONDS)
                steps, is_over = sweep(partner_id, address_hash), False  # What is gone already costs little.
                continue
            time.sleep(max(PAUSE_SECONDS, time.monotonic() - began))
    with transaction():
        lock_partner(partner_id)
        db.session.execute(delete(Erasure).where(Erasure.partner_id == partner_id))
    empty_write_ahead_log()
    return True


def finish_left() -> None:
    """Sweep: end the erasures whose process was killed or ran out of time."""
    now = clock.now()
    is_left = or_(Erasure.begun_at < now - LEFT_AFTER, Erasure.begun_at > now)  # A clock may step back.
    left = list(db.session.scalars(select(Erasure.partner_id).where(is_left)))
    db.session.rollback()
    for partner_id in left:
        finish(partner_id)


_OVER = object()
