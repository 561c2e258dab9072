"""The sending step on the mail lane, and the sweep that rings for what is due."""

from __future__ import annotations

import logging
import time
from traceback import extract_tb

from sqlalchemy import ColumnElement, update
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import settings
from contentflow.core import clock, work
from contentflow.core.db import db, transaction
from contentflow.core.lease import held
from contentflow.mailing import pauses, transports
from contentflow.mailing.models import Delivery
from contentflow.mailing.sending import BUSY, WAITING, Claim, claim, settle
from contentflow.mailing.times import BROKEN_WAITS
from contentflow.mailing.transports import Outcome

log = logging.getLogger(__name__)

STEP = "mailing.send"
URGENT = Delivery.kind != "share"
# Said by what it is not: an index by kind would lead through every share mail that ever left.
SHARES = Delivery.kind.not_in(("login", "confirmation"))
MOST_WAITING_BELLS = 100
MOST_SECONDS = 600
SETTLE_AGAIN = (0.5, 1.0, 2.0, 4.0, 8.0)


def send(delivery_id: str) -> None:
    """Send one delivery; login and confirmation mail that is due goes before it."""
    for due_id in [*_due(1, URGENT), delivery_id]:
        _send(due_id)


def _send(delivery_id: str) -> None:
    transport = transports.chosen()
    taken = _claim(delivery_id, transport) if transport else None
    if transport is None or taken is None:
        return
    with held(Delivery, taken.delivery_id, taken.lease, MOST_SECONDS):
        _settle(taken, _hand_over(taken, transport), transport)


def _hand_over(taken: Claim, transport: transports.Transport) -> Outcome:
    """Whatever a transport did not foresee is an outcome too: the message may have left before it."""
    try:
        return transport.send(taken.message, taken.to, taken.delivery_id)
    except Exception as error:
        where = extract_tb(error.__traceback__)[-1]
        said = f"{transport.name}: {type(error).__name__}"
        # Not the error's own text: it may hold the address.
        log.error("delivery %s: %s in %s:%s", taken.delivery_id, said, where.filename, where.lineno)
        return Outcome("unsure" if transport.knows_again else "unknown", said)


def _settle(taken: Claim, outcome: Outcome, transport: transports.Transport) -> None:
    """Write the outcome; a database that is away for a moment is asked again, or a sent mail were unknown."""
    for pause in SETTLE_AGAIN:
        try:
            with transaction():
                return settle(taken, outcome, transport)
        except SQLAlchemyError as error:
            log.warning("delivery %s is not settled yet (%s)", taken.delivery_id, type(error).__name__)
            time.sleep(pause)
    with transaction():
        settle(taken, outcome, transport)


def _claim(delivery_id: str, transport: transports.Transport) -> Claim | None:
    try:
        with transaction():
            return claim(delivery_id, transport)
    except SQLAlchemyError:
        raise
    except Exception:
        # A mail that cannot be composed must not stand at the head of the queue for ever.
        log.exception("delivery %s cannot be composed", delivery_id)
        with transaction():
            _put_off(delivery_id)
        return None


def _put_off(delivery_id: str) -> None:
    which = (Delivery.id == delivery_id, work.due(Delivery, WAITING, [BUSY]))
    later = {"state": "queued", "next_attempt_at": clock.now() + BROKEN_WAITS}
    db.session.execute(update(Delivery).where(*which).values(lease=None, leased_until=None, **later))


def ring_due() -> None:
    """Ring for what is due, the urgent first, and never for more than the lane can soon do."""
    transport = transports.chosen()
    if transport is None:
        return
    way = pauses.way(transport.name)
    room = MOST_WAITING_BELLS - work.bells().waiting("mail")
    if way == "closed" or room <= 0:
        return
    ids = _due(room, URGENT)
    if settings().can_mail_kits and pauses.way(pauses.ACCOUNT) != "closed":
        ids += _due(room, SHARES)
    for due_id in ids[: 1 if way == "probe" else room]:
        work.ring_now(STEP, due_id)


def _due(limit: int, which: ColumnElement[bool]) -> list[str]:
    return work.due_ids(Delivery, WAITING, [BUSY], which, limit=limit)
