"""What becomes of an address that is to join a book; one rule for what is typed and what is in a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import insert, select

from contentflow.consent import services as consents
from contentflow.consent.models import Subscription
from contentflow.contacts import list_sync
from contentflow.contacts import tags as tagging
from contentflow.contacts.models import NAME_LENGTH, SHOWN_LENGTH, Contact
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.mailing.addresses import BadAddress, check_address
from contentflow.mailing.disposable import is_disposable
from contentflow.mailing.recipients import recipient_hash

AT_ONCE = 500
Earlier = Callable[[Collection[str]], Iterable[str]]


class Entry(NamedTuple):
    """What was typed at ``line``, or stood in a row of a file."""

    line: int
    raw: str
    name: str = ""
    tags: tuple[str, ...] = ()


class EntryVerdict(NamedTuple):
    """``address`` is as it was typed where it is no address; ``reason`` then says why."""

    line: int
    address: str
    verdict: str
    reason: str = ""
    address_hash: str | None = None
    contact_id: str | None = None


def check(entry: Entry) -> EntryVerdict:
    """Judge an entry by itself: ``added`` unless something is wrong with it."""
    if not entry.raw.strip():
        return EntryVerdict(entry.line, "", "empty")
    try:
        address = check_address(entry.raw)
    except BadAddress as error:
        return EntryVerdict(entry.line, entry.raw[:SHOWN_LENGTH], "malformed", error.reason.value)
    if is_disposable(address.rpartition("@")[2]):
        return EntryVerdict(entry.line, address, "disposable", "", recipient_hash(address))
    return EntryVerdict(entry.line, address, "added", "", recipient_hash(address))


def add_entries(
    partner_id: str, entries: Sequence[Entry], origin: str, earlier: Earlier = lambda _hashes: ()
) -> list[EntryVerdict]:
    """Put what may join into the book, and return a verdict an entry, in their order.

    ``earlier`` says which of these hashes stood in earlier rows of the same file. A contact that is there
    keeps its state: it gains tags and, where it has none, the name. The partner's row is held, so nobody
    adds meanwhile.
    """
    judged = [check(entry) for entry in entries]
    hashes = {one.address_hash for one in judged if one.address_hash and one.verdict == "added"}
    present = contacts_by_hash(partner_id, hashes)
    stopped = consents.suppressed_for(partner_id, hashes) if hashes else set()
    yeses = consents.find_yes(partner_id, hashes - present.keys()) if hashes else {}
    known = tags_of(partner_id) if any(entry.tags for entry in entries) else []
    taken = set(earlier(hashes)) if hashes else set()
    new: list[dict[str, object]] = []

    def join(entry: Entry, one: EntryVerdict) -> EntryVerdict:
        key = one.address_hash
        if key is None or one.verdict != "added":
            return one
        if key in taken:
            return _as(one, "duplicate_in_file")
        taken.add(key)
        wanted = tagging.spelled_as(known, entry.tags)
        known.extend(tag for tag in wanted if tag not in known)
        if key in present:
            _complete(present[key], entry, wanted)
            return _as(one, "already", present[key].id)
        if key in stopped:
            return _as(one, "unavailable")
        new.append(_row(partner_id, one, entry, wanted, origin, yeses.get(key)))
        return _as(one, "added", str(new[-1]["id"]))

    verdicts = [join(entry, one) for entry, one in zip(entries, judged, strict=True)]
    if new:
        db.session.execute(insert(Contact), new)
        list_sync.note_those([str(one["id"]) for one in new if one["state"] == "confirmed"])
    db.session.flush()
    return verdicts


def _complete(contact: Contact, entry: Entry, wanted: Sequence[str]) -> None:
    if contact.address is not None:  # Who is forgotten stays so.
        contact.tags = tagging.with_more(contact.tags, wanted)
        contact.name = contact.name or entry.name[:NAME_LENGTH]


def contacts_by_hash(partner_id: str, hashes: Iterable[str]) -> dict[str, Contact]:
    own = select(Contact).where(Contact.partner_id == partner_id, Contact.address_hash.in_(list(hashes)))
    return {contact.address_hash: contact for contact in db.session.scalars(own)}


def tags_of(partner_id: str) -> list[str]:
    """Return every tag of a book, in the order of the alphabet."""
    kept = db.session.scalars(
        select(Contact.tags).where(Contact.partner_id == partner_id, Contact.tags != "").distinct()
    )
    found = {tag for packed in kept for tag in tagging.unpack(packed)}
    return sorted(found, key=str.casefold)


def _as(one: EntryVerdict, verdict: str, contact_id: str | None = None) -> EntryVerdict:
    return EntryVerdict(one.line, one.address, verdict, "", one.address_hash, contact_id)


def _row(
    partner_id: str,
    one: EntryVerdict,
    entry: Entry,
    wanted: Sequence[str],
    origin: str,
    yes: Subscription | None,
) -> dict[str, object]:
    """Return a new contact; who said yes to this partner before is ``confirmed`` from the start."""
    now = clock.now()
    proof: dict[str, object] = {"state": "imported", "last_yes_at": None, "proof_at": None}
    if yes is not None:
        proof = {"state": "confirmed", "last_yes_at": yes.created_at, "proof_at": yes.created_at}
    return {
        "id": new_id(),
        "partner_id": partner_id,
        "address_hash": one.address_hash,
        "address": one.address,
        "name": entry.name[:NAME_LENGTH],
        "tags": tagging.with_more("", wanted),
        "origin": origin,
        "created_at": now,
        "state_at": now,
        "clicks": 0,
        "proof_text": yes.text if yes else "",
        "proof_origin": yes.origin if yes else "",
        "proof_ip_hash": yes.ip_hash if yes else "",
        **proof,
    }
