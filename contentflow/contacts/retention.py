"""What is kept of books, and how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update

from contentflow.contacts.list_sync import note_those
from contentflow.contacts.models import Contact, ContactImport, ImportRow
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.recipients import KEPT

# After the last click or yes; where there was none, after they were added.
CONTACT_KEPT: Final = timedelta(days=3 * 365)
AT_ONCE = 500


def erase_old() -> None:
    """Erase contacts that are old or left 30 days ago, and files of 30 days; the worker's maintenance."""
    now = clock.now()
    last = func.coalesce(Contact.last_click_at, Contact.last_yes_at, Contact.created_at)
    last_yes = func.coalesce(Contact.last_yes_at, Contact.created_at)
    old = now - CONTACT_KEPT
    is_old = (Contact.created_at < old) & (last < old) & (last_yes < old)
    while _erase_contacts(Contact.state.in_(("imported", "confirmed")), is_old):
        pass
    left = Contact.state.in_(("refused", "unsubscribed", "bounced"))
    while _forget_some(left, Contact.state_at < now - KEPT, Contact.address.is_not(None)):
        pass
    while _erase_files(now - KEPT):
        pass


def _erase_contacts(*which: ColumnElement[bool]) -> int:
    with transaction():
        ids = list(db.session.scalars(select(Contact.id).where(*which).limit(AT_ONCE)))
        note_those(ids)
        db.session.execute(delete(Contact).where(Contact.id.in_(ids)))
    return len(ids)


def _forget_some(*which: ColumnElement[bool]) -> int:
    """The row stays without its address: a later import finds that it is there, and in which state."""
    with transaction():
        ids = list(db.session.scalars(select(Contact.id).where(*which).limit(AT_ONCE)))
        gone = {"address": None, "name": "", "tags": ""}
        db.session.execute(update(Contact).where(Contact.id.in_(ids)).values(gone))
    return len(ids)


def _erase_files(before: object) -> int:
    """Files go with the addresses in their rows; how many became what stays."""
    with transaction():
        old = (ContactImport.created_at < before, ContactImport.content.is_not(None))
        ids = list(db.session.scalars(select(ContactImport.id).where(*old).limit(20)))
        rows = update(ImportRow).where(ImportRow.import_id.in_(ids)).values(address=None)
        db.session.execute(rows)
        db.session.execute(
            update(ContactImport).where(ContactImport.id.in_(ids)).values(content=None, filename="")
        )
    return len(ids)


def stop_imports(partner_id: str) -> None:
    """End what is still being brought in, when an account ends."""
    theirs = (
        ContactImport.partner_id == partner_id,
        ContactImport.state.in_(("preview", "queued", "importing")),
    )
    db.session.execute(
        update(ContactImport).where(*theirs).values(state="stopped", lease=None, leased_until=None)
    )


def sweep_partner(partner_id: str, _address_hash: str) -> Iterator[None]:
    """Erase a partner's book and files, some hundreds of rows a step; the hashes of who was asked stay."""
    own = select(ContactImport.id).where(ContactImport.partner_id == partner_id)
    while lines := db.session.execute(
        select(ImportRow.import_id, ImportRow.line).where(ImportRow.import_id.in_(own)).limit(AT_ONCE)
    ).all():
        import_id = lines[0].import_id
        some = [row.line for row in lines if row.import_id == import_id]
        db.session.execute(
            delete(ImportRow).where(ImportRow.import_id == import_id, ImportRow.line.in_(some))
        )
        yield
    db.session.execute(delete(ContactImport).where(ContactImport.partner_id == partner_id))
    yield
    theirs = select(Contact.id).where(Contact.partner_id == partner_id).limit(AT_ONCE)
    while ids := list(db.session.scalars(theirs)):
        note_those(ids)
        db.session.execute(delete(Contact).where(Contact.id.in_(ids)))
        yield
