"""What is kept of the mail, and how long: addresses 30 days, then their keyed hashes alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.events import BrevoEvent, BrevoList
from contentflow.mailing.hooks import tell_undelivered
from contentflow.mailing.models import BULK, WAITING, CapturedMail, Delivery, DeliveryRecord, SenderPause
from contentflow.mailing.recipients import KEPT, recipient_hash

# Rows a transaction: others write between two of them.
AT_ONCE = 500
# What Brevo can be asked about: an event that is told again within them is known.
EVENTS_KEPT: Final = timedelta(days=90)


def erase_old_addresses() -> None:
    """Erase what is older than 30 days, some hundreds at a time; the worker's maintenance."""
    limit = clock.now() - KEPT
    # What was for later counts from when it was due; the first half is what an index is used for.
    old = (Delivery.created_at < limit) & (func.coalesce(Delivery.due_at, Delivery.created_at) < limit)
    with transaction():
        _give_up(old)
        db.session.execute(delete(CapturedMail).where(CapturedMail.created_at < clock.now() - KEPT))
    over = old, Delivery.state.not_in([*WAITING, "sending"]), Delivery.recipient.is_not(None)
    # In the order of the index, or PostgreSQL gathers all of them first.
    oldest = select(Delivery).where(*over).order_by(Delivery.created_at).limit(AT_ONCE)
    while True:
        with transaction():
            found = db.session.scalars(oldest).all()
            for delivery in found:
                _wipe(delivery)
        if len(found) < AT_ONCE:
            return


def erase_old_events() -> None:
    """Delete events of more than 90 days, and lists that nobody could read for 30."""
    with transaction():
        db.session.execute(delete(BrevoList).where(BrevoList.received_at < clock.now() - KEPT))
    old = select(BrevoEvent.id).where(BrevoEvent.received_at < clock.now() - EVENTS_KEPT).limit(AT_ONCE)
    while True:
        with transaction():
            ids = list(db.session.scalars(old))
            db.session.execute(delete(BrevoEvent).where(BrevoEvent.id.in_(ids)))
        if len(ids) < AT_ONCE:
            return


def cancel_waiting(partner_id: str) -> None:
    """End every mail that waits in the partner's name."""
    _give_up(Delivery.partner_id == partner_id)


def sweep_partner(partner_id: str, _address_hash: str) -> Iterator[None]:
    """Erase every address and word of a partner's mail, some hundreds a step."""
    db.session.execute(delete(SenderPause).where(SenderPause.scope == partner_id))
    last = ""
    own = select(Delivery.id).where(Delivery.partner_id == partner_id).order_by(Delivery.id).limit(AT_ONCE)
    while ids := list(db.session.scalars(own.where(Delivery.id > last))):
        last = ids[-1]
        db.session.execute(delete(CapturedMail).where(CapturedMail.delivery_id.in_(ids)))
        wiped = update(Delivery).where(Delivery.id.in_(ids)).values(recipient=None, context={})
        db.session.execute(wiped.execution_options(synchronize_session=False))
        yield


def _give_up(which: ColumnElement[bool]) -> None:
    """End what still waits; what may have left is not called back by that."""
    waiting = (which, Delivery.state.in_(WAITING))
    ended = {"settled_at": clock.now(), "reason": "too old"}
    untried = Delivery.first_tried_at.is_(None)
    cancelled = db.session.scalars(
        update(Delivery).where(*waiting, untried).values(state="cancelled", **ended).returning(Delivery.id)
    ).all()
    tell_undelivered(cancelled)
    db.session.execute(update(Delivery).where(*waiting).values(state="unknown", **ended))


def erase_recipient(recipient: str, *which: ColumnElement[bool]) -> set[str | None]:
    """Drop the address of somebody who said stop from the share mails of ``which``; return their sends.

    What waited is taken back before. What may have left is settled without the address, and never tried
    again: who has no address is written to no more. The hash stays.
    """
    theirs = (Delivery.kind.in_(BULK), Delivery.recipient_hash == recipient, Delivery.recipient.is_not(None))
    found = db.session.scalars(select(Delivery).where(*theirs, *which)).all()
    sends, ids = {one.send_id for one in found}, [one.id for one in found]
    for delivery in found:
        _wipe(delivery)
    captured = update(CapturedMail).where(CapturedMail.delivery_id.in_(ids)).values(recipient="")
    db.session.execute(captured.execution_options(synchronize_session=False))
    db.session.flush()
    return sends


def _wipe(delivery: Delivery) -> None:
    """Erase address and words; the sender's name stays, so that a stop page can still say it."""
    name = delivery.context.get("sender_name")
    delivery.recipient, delivery.context = None, {"sender_name": name} if name else {}


def export_deliveries(partner_id: str) -> list[DeliveryRecord]:
    mine = select(Delivery).where(Delivery.partner_id == partner_id, Delivery.kind.in_(BULK))
    return [one.to_dict() for one in db.session.scalars(mine.order_by(Delivery.created_at, Delivery.id))]


def erase_address(address: str) -> None:
    """Erase a person's address wherever mail knows it; its keyed hash goes on stopping what it stopped."""
    theirs = (Delivery.recipient_hash == recipient_hash(address)) & Delivery.recipient.is_not(None)
    _give_up(theirs)
    db.session.execute(delete(CapturedMail).where(func.lower(CapturedMail.recipient) == address.lower()))
    for delivery in db.session.scalars(select(Delivery).where(theirs)):
        _wipe(delivery)
    db.session.flush()
