"""What is kept of the mail, and how long: addresses 30 days, then their keyed hashes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, cast, delete, func, select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail, ConsentProof, Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.sending import free_first_contact

KEEP = timedelta(days=30)
AT_ONCE = 500


def forget_old_addresses() -> None:
    """Erase what is older than 30 days, some hundreds at a time; the worker's chore."""
    old = Delivery.created_at < clock.now() - KEEP
    with transaction():
        _give_up(old)
        db.session.execute(delete(CapturedMail).where(CapturedMail.created_at < clock.now() - KEEP))
    for forget in (_forget_some_verdicts, lambda: _forget(old, Delivery.state.not_in(["queued", "sending"]))):
        while _committed(forget):
            pass


def _committed(forget: Callable[[], int]) -> int:
    with transaction():
        return forget()


def _forget_some_verdicts() -> int:
    """The proofs stay; those that were emptied before are not written again, every hour for ever."""
    some = ConsentProof.at < clock.now() - KEEP, cast(ConsentProof.verdicts, String) != "[]"
    ids = list(db.session.scalars(select(ConsentProof.send_id).where(*some).limit(AT_ONCE)))
    db.session.execute(update(ConsentProof).where(ConsentProof.send_id.in_(ids)).values(verdicts=[]))
    return len(ids)


def take_back(partner_id: str) -> None:
    """End every mail that waits in the partner's name."""
    _give_up(Delivery.partner_id == partner_id)


def sweep_partner(partner_id: str, address_hash: str) -> Iterator[None]:
    """Erase every address and word of a partner's mail, some hundreds a step. Proofs stay."""
    last = ""
    own = select(Delivery.id).where(Delivery.partner_id == partner_id).order_by(Delivery.id).limit(AT_ONCE)
    while ids := list(db.session.scalars(own.where(Delivery.id > last))):
        last = ids[-1]
        db.session.execute(delete(CapturedMail).where(CapturedMail.delivery_id.in_(ids)))
        wiped = update(Delivery).where(Delivery.id.in_(ids)).values(recipient=None, words={})
        db.session.execute(wiped.execution_options(synchronize_session=False))
        yield
    db.session.execute(update(ConsentProof).where(ConsentProof.partner_id == partner_id).values(verdicts=[]))
    yield
    yield from _sweep_proofs(address_hash)


def _sweep_proofs(address_hash: str) -> Iterator[None]:
    """Take a person's address out of the answers to other partners' sends."""
    last_at, last = clock.now() - KEEP - timedelta(days=1), ""
    in_order = select(ConsentProof).order_by(ConsentProof.at, ConsentProof.send_id).limit(AT_ONCE)
    while True:
        is_tied = (ConsentProof.at == last_at) & (ConsentProof.send_id > last)
        is_next = (ConsentProof.at >= last_at) & ((ConsentProof.at > last_at) | is_tied)
        proofs = db.session.scalars(in_order.where(is_next)).all()
        if not proofs:
            return
        last_at, last = proofs[-1].at, proofs[-1].send_id
        for proof in proofs:
            others = [verdict for verdict in proof.verdicts if recipient_hash(verdict[0]) != address_hash]
            if others != proof.verdicts:
                proof.verdicts = others
        db.session.flush()
        yield


def _give_up(which: ColumnElement[bool]) -> None:
    """End what still waits; what may have left is not called back by that."""
    waiting = (which, Delivery.state == "queued")
    ended = {"settled_at": clock.now(), "reason": "too old"}
    untried = Delivery.first_tried_at.is_(None)
    cancelled = db.session.scalars(
        update(Delivery).where(*waiting, untried).values(state="cancelled", **ended).returning(Delivery.id)
    ).all()
    free_first_contact(*cancelled)
    db.session.execute(update(Delivery).where(*waiting).values(state="unknown", **ended))


def _forget(*which: ColumnElement[bool]) -> int:
    found: Iterable[Delivery] = db.session.scalars(
        select(Delivery).where(*which, Delivery.recipient.is_not(None)).limit(AT_ONCE)
    ).all()
    count = 0
    for delivery in found:
        count += 1
        _wipe(delivery)
    return count


def forget_reader(reader: str, *which: ColumnElement[bool]) -> None:
    """Drop the address of somebody who said stop from the share mails of ``which``; its hash stays.

    What waited is taken back before. What may have left is settled without the address, and never tried
    again: who has no address is written to no more.
    """
    theirs = (Delivery.kind == "share", Delivery.recipient_hash == reader, Delivery.recipient.is_not(None))
    found = db.session.scalars(select(Delivery).where(*theirs, *which)).all()
    sends, ids = {one.send_id for one in found}, [one.id for one in found]
    for delivery in found:
        _wipe(delivery)
    for proof in db.session.scalars(select(ConsentProof).where(ConsentProof.send_id.in_(sends))):
        proof.verdicts = [verdict for verdict in proof.verdicts if recipient_hash(verdict[0]) != reader]
    captured = update(CapturedMail).where(CapturedMail.delivery_id.in_(ids)).values(recipient="")
    db.session.execute(captured.execution_options(synchronize_session=False))
    db.session.flush()


def _wipe(delivery: Delivery) -> None:
    """Erase address and words; the sender's name stays, so that a stop page can still say it."""
    name = delivery.words.get("sender_name")
    delivery.recipient, delivery.words = None, {"sender_name": name} if name else {}


def export_deliveries(partner_id: str) -> list[dict[str, Any]]:
    mine = select(Delivery).where(Delivery.partner_id == partner_id, Delivery.kind == "share")
    return [
        {
            "id": delivery.id,
            "submission_id": delivery.submission_id,
            "recipient": delivery.recipient,
            "state": delivery.state,
            "at": clock.iso(delivery.created_at),
        }
        for delivery in db.session.scalars(mine.order_by(Delivery.created_at, Delivery.id))
    ]


def forget_address(address: str) -> None:
    """Erase a person's address wherever mail knows it; its keyed hash goes on stopping what it stopped."""
    theirs = (Delivery.recipient_hash == recipient_hash(address)) & Delivery.recipient.is_not(None)
    _give_up(theirs)
    db.session.execute(delete(CapturedMail).where(func.lower(CapturedMail.recipient) == address.lower()))
    for delivery in db.session.scalars(select(Delivery).where(theirs)):
        _wipe(delivery)
    db.session.flush()
