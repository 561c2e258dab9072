"""What is kept of consent: proofs and hashes as long as the programme runs, typed addresses 30 days."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

from sqlalchemy import String, cast, select, update

from contentflow.consent.models import ConsentProof
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.recipients import KEPT, recipient_hash

# Rows a transaction: others write between two of them.
AT_ONCE = 500


def erase_old_answers() -> None:
    """Erase the addresses of sends of more than 30 days, some hundreds at a time.

    The proofs stay; those that were emptied before are not written again, every hour for ever.
    """
    some = ConsentProof.attested_at < clock.now() - KEPT, cast(ConsentProof.answers, String) != "[]"
    while True:
        with transaction():
            ids = list(db.session.scalars(select(ConsentProof.send_id).where(*some).limit(AT_ONCE)))
            db.session.execute(update(ConsentProof).where(ConsentProof.send_id.in_(ids)).values(answers=[]))
        if len(ids) < AT_ONCE:
            return


def erase_answers_to(recipient: str, send_ids: Collection[str | None]) -> None:
    """Take the address of somebody who said stop out of the answers to these sends."""
    for proof in db.session.scalars(select(ConsentProof).where(ConsentProof.send_id.in_(send_ids))):
        proof.answers = [answer for answer in proof.answers if recipient_hash(answer[0]) != recipient]
    db.session.flush()


def sweep_partner(partner_id: str, address_hash: str) -> Iterator[None]:
    """Erase every address that a partner typed, and theirs from the answers to others. Proofs stay."""
    db.session.execute(update(ConsentProof).where(ConsentProof.partner_id == partner_id).values(answers=[]))
    yield
    last_at, last = clock.now() - KEPT - timedelta(days=1), ""
    in_order = select(ConsentProof).order_by(ConsentProof.attested_at, ConsentProof.send_id).limit(AT_ONCE)
    while True:
        is_tied = (ConsentProof.attested_at == last_at) & (ConsentProof.send_id > last)
        is_next = (ConsentProof.attested_at >= last_at) & ((ConsentProof.attested_at > last_at) | is_tied)
        proofs = db.session.scalars(in_order.where(is_next)).all()
        if not proofs:
            return
        last_at, last = proofs[-1].attested_at, proofs[-1].send_id
        for proof in proofs:
            others = [answer for answer in proof.answers if recipient_hash(answer[0]) != address_hash]
            if others != proof.answers:
                proof.answers = others
        db.session.flush()
        yield
