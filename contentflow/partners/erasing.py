"""The end of an account: at once the person is out and nothing goes on in their name; the rest in steps.

The first transaction makes the partner nameless, ends sessions, links and waiting mails, and notes that
there is more to erase. Words, addresses and videos then go some hundreds at a time, each step a transaction
of its own, so that nobody waits for all of them; a worker ends what a killed process began.
"""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import delete, or_, select

from contentflow.core import audit, clock
from contentflow.core.db import db, empty_write_ahead_log, transaction
from contentflow.core.registry import registry
from contentflow.mailing.recipients import recipient_hash
from contentflow.partners.locks import lock_active, lock_partner
from contentflow.partners.models import Erasure

IN_REQUEST_SECONDS = 20.0
LEFT_AFTER = timedelta(seconds=60)
PAUSE_SECONDS = 0.02  # Between two steps others write; they wait as long as a step takes, at most.


def begin(partner_id: str) -> None:
    """Put the person out, in the open transaction. Raises ``NotFound`` and ``AccountClosed``."""
    partner = lock_active(partner_id)
    assert partner.email is not None
    audit.note(partner_id, "partner.erase", partner_id)
    db.session.add(Erasure(partner_id=partner_id, address_hash=recipient_hash(partner.email)))
    for forget in registry().erasures:
        forget(partner_id)
    db.session.flush()


def finish(partner_id: str, seconds: float = IN_REQUEST_SECONDS) -> bool:
    """Erase what is left, in transactions of its own; False when ``seconds`` were not enough for all of it.

    What was erased may be erased again: two processes that do so at once do no harm.
    """
    until = time.monotonic() + seconds
    address_hash = db.session.scalar(select(Erasure.address_hash).where(Erasure.partner_id == partner_id))
    if address_hash is None:
        return True
    for sweep in registry().sweeps:
        steps, is_over = sweep(partner_id, address_hash), False
        while not is_over:
            began = time.monotonic()
            if began > until:
                return False
            with transaction():
                lock_partner(partner_id)
                is_over = next(steps, _OVER) is _OVER
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
