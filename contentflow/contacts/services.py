"""The book: look, add, tag, forget; and what it hears of its people's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, false, func, or_, select, update

from contentflow import invisibles
from contentflow.consent import services as consents
from contentflow.contacts import list_sync
from contentflow.contacts import tags as tagging
from contentflow.contacts.judging import Entry, EntryVerdict, add_entries, tags_of
from contentflow.contacts.models import Contact, ContactImport, ImportRow, Invitation
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import is_id
from contentflow.core.paging import Listing, Page
from contentflow.mailing import services as mailing
from contentflow.mailing.addresses import AddressFault, Parsed
from contentflow.mailing.models import Delivery
from contentflow.partners import locks

PAGE = 50
MAX_CHOSEN = 200
MAX_MAILS = 50


class NoContactChosen(Refused):
    message = _l("Choisis au moins un contact.")


class TooManyChosen(Refused):
    message = _l("200 contacts au plus à la fois : choisis-en moins.")


class NoTag(Refused):
    message = _l("Écris au moins une étiquette.")


@dataclass(frozen=True)
class Book:
    page: Page[Contact]
    tags: list[str]
    counts: dict[str, int]

    @property
    def count(self) -> int:
        return sum(self.counts.values())


class ContactView(NamedTuple):
    """One contact with what was sent to it; ``invitation`` is None where it was never asked."""

    contact: Contact
    mails: list[Delivery]
    invitation: Invitation | None
    is_written_to: bool

    @property
    def tags(self) -> list[str]:
        return tagging.unpack(self.contact.tags)


class Reached(NamedTuple):
    """A contact that a share names; ``has_said_yes``: what is confirmed alone is mailed."""

    address: str
    address_hash: str
    has_said_yes: bool


# Looking


def book(
    partner_id: str, q: str = "", tag: str = "", state: str = "", before: str = "", after: str = ""
) -> Book:
    """Return a page of the book and what its filters offer; unknown filters find nothing."""
    # Who never answered is forgotten: they are counted, and listed where one asks for them.
    is_listed = Contact.state == state if state else Contact.address.is_not(None)
    which = [Contact.partner_id == partner_id, is_listed]
    if wanted := invisibles.strip_value(q).replace("\0", "")[:254]:
        columns = Contact.address, Contact.name
        which.append(or_(*(column.icontains(wanted, autoescape=True) for column in columns)))
    if tag.strip():
        which.append(_has_tag(partner_id, tagging.typed([tag])))
    listing = Listing(Contact, Contact.created_at, Contact.id, *which)
    counted = select(Contact.state, func.count()).where(Contact.partner_id == partner_id)
    counts = {kind: number for kind, number in db.session.execute(counted.group_by(Contact.state))}
    return Book(listing.page(PAGE, before, after), tags_of(partner_id), counts)


def _has_tag(partner_id: str, wanted: Sequence[str]) -> ColumnElement[bool]:
    spelled = tagging.spelled_as(tags_of(partner_id), wanted)
    return or_(false(), *(Contact.tags.contains(f"|{tag}|", autoescape=True) for tag in spelled))


def get_contact(partner_id: str, contact_id: str) -> Contact:
    """Raises ``NotFound``, also for a contact of another partner."""
    contact = db.session.get(Contact, contact_id) if is_id(contact_id) else None
    if contact is None or contact.partner_id != partner_id:
        raise NotFound
    return contact


def view_contact(partner_id: str, contact_id: str) -> ContactView:
    contact = get_contact(partner_id, contact_id)
    theirs = (
        Delivery.partner_id == partner_id,
        Delivery.recipient_hash == contact.address_hash,
        Delivery.kind.in_(("share", "invitation")),
    )
    newest_first = select(Delivery).where(*theirs).order_by(Delivery.created_at.desc()).limit(MAX_MAILS)
    asked = select(Invitation).where(
        Invitation.partner_id == partner_id, Invitation.address_hash == contact.address_hash
    )
    hashes = [contact.address_hash]
    may = consents.subscribed_to(partner_id, hashes) - consents.suppressed_for(partner_id, hashes)
    mails = list(db.session.scalars(newest_first))
    return ContactView(contact, mails, db.session.scalar(asked), bool(may))


def chosen_contacts(partner_id: str, ids: Sequence[str]) -> list[Contact]:
    """Return 1 to 200 contacts by their ids, each once. Raises ``NotFound`` for one that is not theirs."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        raise NoContactChosen
    if len(wanted) > MAX_CHOSEN:
        raise TooManyChosen
    own = select(Contact).where(
        Contact.partner_id == partner_id, Contact.id.in_([one for one in wanted if is_id(one)])
    )
    found = {contact.id: contact for contact in db.session.scalars(own)}
    if len(found) < len(wanted):
        raise NotFound
    return [found[one] for one in wanted]


def reached_by(partner_id: str, tags: Sequence[str], ids: Sequence[str]) -> list[Reached]:
    """Return whom a share to these tags and contacts names, the earliest first; the forgotten are nobody.

    Raises ``NotFound`` for a contact that is not the partner's.
    """
    which: list[ColumnElement[bool]] = []
    if ids:
        which.append(Contact.id.in_([contact.id for contact in chosen_contacts(partner_id, ids)]))
    if wanted := [tag.strip() for tag in tags if tag.strip().isprintable() and tag.strip()]:
        which.append(_has_tag(partner_id, wanted))
    if not which:
        return []
    own = (Contact.partner_id == partner_id, Contact.address.is_not(None), or_(*which))
    in_order = select(Contact.address, Contact.address_hash).where(*own)
    rows = db.session.execute(in_order.order_by(Contact.created_at, Contact.id)).all()
    confirmed = consents.subscribed_to(partner_id, [row.address_hash for row in rows])
    return [Reached(address or "", key, key in confirmed) for address, key in rows]


def all_tags(partner_id: str) -> list[str]:
    """Return every tag of a book, in the order of the alphabet."""
    return tags_of(partner_id)


# Changing


def add(partner_id: str, parsed: Sequence[Parsed], tags: Sequence[str]) -> list[EntryVerdict]:
    """Put typed addresses into the book; returns a verdict an entry, in their order."""
    locks.lock_active(partner_id)
    entries = [Entry(one.line, one.address or one.raw, tags=tuple(tags)) for one in parsed]
    verdicts = add_entries(partner_id, entries, "add")
    return [
        EntryVerdict(v.line, v.address, v.verdict, one.reason or v.reason)
        if (one.address is None and one.reason is not AddressFault.DUPLICATE)
        else v
        for one, v in zip(parsed, verdicts, strict=True)
    ]


def tag(partner_id: str, ids: Sequence[str], tags: Sequence[str], remove: bool = False) -> int:
    """Give contacts tags, or take them away; returns how many contacts. Raises ``NoTag``."""
    locks.lock_active(partner_id)
    if not tags:
        raise NoTag
    contacts = chosen_contacts(partner_id, ids)
    wanted = tagging.spelled_as(tags_of(partner_id), tags)
    for contact in contacts:
        change = tagging.without if remove else tagging.with_more
        contact.tags = change(contact.tags, wanted)
    db.session.flush()
    return len(contacts)


def forget(partner_id: str, ids: Sequence[str]) -> int:
    """Erase contacts from the book, from files and from this partner's mails; what they stopped stays."""
    locks.lock_active(partner_id)
    contacts = chosen_contacts(partner_id, ids)
    list_sync.note(contacts)
    for contact in contacts:
        mailing.stop_shares_to(contact.address_hash, partner_id)
        erase_from_files(contact.address_hash, ContactImport.partner_id == partner_id)
        db.session.delete(contact)
    db.session.flush()
    return len(contacts)


def erase_from_files(address_hash: str, *which: ColumnElement[bool]) -> None:
    holding = select(ImportRow.import_id).where(ImportRow.address_hash == address_hash)
    ids = list(db.session.scalars(select(ContactImport.id).where(ContactImport.id.in_(holding), *which)))
    rows = update(ImportRow).where(ImportRow.import_id.in_(ids), ImportRow.address_hash == address_hash)
    quietly = {"synchronize_session": False}
    db.session.execute(rows.values(address=None).execution_options(**quietly))
    over = ContactImport.state.in_(("done", "stopped", "failed"))
    files = update(ContactImport).where(ContactImport.id.in_(ids), over)
    db.session.execute(files.values(content=None).execution_options(**quietly))


def export_contacts(partner_id: str) -> list[dict[str, Any]]:
    own = select(Contact).where(Contact.partner_id == partner_id, Contact.address.is_not(None))
    return [
        {
            "id": one.id,
            "address": one.address,
            "name": one.name,
            "tags": tagging.unpack(one.tags),
            "state": one.state,
            "origin": one.origin,
            "at": clock.iso(one.created_at),
            "proof": {"text": one.proof_text, "at": clock.iso(one.proof_at), "origin": one.proof_origin},
        }
        for one in db.session.scalars(own.order_by(Contact.created_at, Contact.id))
    ]
