"""The list at Brevo is kept in step with the books: who is confirmed in one stands there, nobody else.

Only where Brevo puts the questions (``BREVO_DOI_TEMPLATE_ID`` and ``BREVO_LIST_ID``): its own confirmation
fills the list, before our page's button was pressed and for people who say no or nothing to it. A row of
``list_changes`` says that an address may be out of step; what it should be is looked up when Brevo is told,
so that the last answer counts in whatever order they are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select

from contentflow.config import settings
from contentflow.contacts.models import Contact, ListChange
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.heartbeat import Heartbeat, beat
from contentflow.core.jobs import Claim, Jobs
from contentflow.core.writes import insert
from contentflow.mailing.recipients import KEPT

TELL = "contacts.tell_list"
CHANGES = Jobs(
    ListChange, "waiting", "telling", max_attempts=1_000, retry_seconds=lambda: (10, 60, 600, 3600)
)
AT_ONCE = 100


def note(contacts: Iterable[Contact]) -> None:
    """Let the worker look at these people's place in the list; whose address is erased is in no list."""
    if not settings().asks_at_brevo:
        return
    known = {one.address_hash: one.address for one in contacts if one.address is not None}
    anew = {"state": CHANGES.waiting, "attempts": 0, "next_attempt_at": clock.now(), "lease": None}
    for address_hash, address in known.items():
        new = insert(ListChange, id=address_hash, address=address, created_at=clock.now(), **anew)
        db.session.execute(new.on_conflict_do_update(index_elements=["id"], set_=anew))


def note_everybody() -> None:
    """Maintenance: let the worker look at whoever was confirmed before this list was set, once a list."""
    if not settings().asks_at_brevo:
        return
    filled, last = f"brevo-list-{settings().brevo_list_id}", ""
    if db.session.get(Heartbeat, filled) is not None:
        return
    confirmed = select(Contact).where(Contact.state == "confirmed", Contact.address.is_not(None))
    by_id = confirmed.order_by(Contact.id).limit(AT_ONCE)
    while True:
        with transaction():
            found = list(db.session.scalars(by_id.where(Contact.id > last)))
            note(found)
            if not found:
                return beat(filled)
            last = found[-1].id


def note_those(ids: Sequence[str]) -> None:
    """As ``note``, of contacts by their ids, before they are erased."""
    if ids and settings().asks_at_brevo:
        note(db.session.scalars(select(Contact).where(Contact.id.in_(ids))))


def claim_some() -> list[tuple[Claim, str, bool]]:
    """Take what is due: (claim, address, whether it belongs into the list)."""
    claims = [claim for one in CHANGES.due_ids(limit=AT_ONCE) if (claim := CHANGES.claim(one)) is not None]
    ids = [claim.row_id for claim in claims]
    held = select(ListChange.id, ListChange.address).where(ListChange.id.in_(ids))
    addresses = {row.id: row.address for row in db.session.execute(held)}
    confirmed = (Contact.address_hash.in_(ids), Contact.state == "confirmed", Contact.address.is_not(None))
    inside = set(db.session.scalars(select(Contact.address_hash).where(*confirmed)))
    return [(claim, addresses[claim.row_id], claim.row_id in inside) for claim in claims]


def settle(claims: Sequence[Claim]) -> None:
    """Forget the addresses that were told; one that changed meanwhile is told again."""
    for claim in claims:
        told = ListChange.id == claim.row_id, ListChange.lease == claim.lease
        db.session.execute(delete(ListChange).where(*told).execution_options(synchronize_session=False))


def put_off(claims: Sequence[Claim], reason: str, seconds: float | None = None) -> None:
    """Tell them later: after ``seconds``, or longer after each try."""
    for claim in claims:
        if seconds is None:
            CHANGES.retry_later(claim, reason=reason)
        else:
            waits = {**CHANGES.waits(seconds), "attempts": claim.attempts - 1}
            CHANGES.complete(claim, **waits, reason=reason)


def erase_untold() -> None:
    """Forget addresses that could not be told in 30 days; the worker's maintenance."""
    with transaction():
        db.session.execute(delete(ListChange).where(ListChange.created_at < clock.now() - KEPT))
