"""One box for whatever somebody holds in their hand: a name, an address, a code, a transaction, an id.

Each kind is asked for only by who may look at it. An address that is no partner's is asked about by its keyed
hash, and never leads to a list of others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import literal, select, union_all

from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.consent import inquiries
from contentflow.console import lists
from contentflow.contacts.models import Contact
from contentflow.conversions.models import Conversion, Network
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.ledger.models import Hold
from contentflow.links.models import Link
from contentflow.mailing.addresses import BadAddress, check_address
from contentflow.mailing.models import Delivery
from contentflow.offers.models import Offer
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from contentflow.partners.roles import Permission, may
from contentflow.payouts import showing

SHORTEST: Final = 3
MAX_LENGTH: Final = 2_048
MOST: Final = 20
_CODE: Final = re.compile(r"[0-9A-Za-z]{4,16}")
_REQUEST: Final = re.compile(r"[0-9A-Za-z]{12}")
_INVOICE: Final = re.compile(r"[Pp][0-9]{5,10}-20[0-9]{2}-[0-9]{4,8}")
_IN_PATH: Final = re.compile(r"/(?:l|p)/([0-9A-Za-z]{4,22})/?$")


class SearchHit(NamedTuple):
    """One thing that was found; ``kind`` is such as ``partner``, ``post``; ``name`` is for people.

    ``page`` and ``of`` are where it stands: an endpoint and its values.
    """

    kind: str
    row_id: str
    name: str
    page: str
    of: dict[str, str]


class KnownAddress(NamedTuple):
    """What is known of an address that is no partner's; ``contact_of`` maps partners' ids to their names."""

    is_mailed: bool
    is_suppressed: bool
    contact_of: dict[str, str]


class SearchResult(NamedTuple):
    hits: Sequence[SearchHit]
    address: KnownAddress | None = None


def find(q: str, role: str | None) -> SearchResult:
    """Return what ``q`` may be of, to who has ``role``."""
    q = q.replace("\x00", "").strip()[:MAX_LENGTH]
    hits = _partners(q) if may(role, Permission.SEE_PARTNERS) else []
    try:
        address = check_address(q).lower() if "@" in q else ""
    except BadAddress:
        address = ""
    if address:
        if hits or not may(role, Permission.SEE_MAIL):
            return SearchResult(hits)
        mail = inquiries.look_up(address)
        owners = select(Contact.partner_id).where(Contact.address_hash == mail.recipient_hash).limit(MOST)
        contact_of = partners.names_of(db.session.scalars(owners).all())
        return SearchResult(hits, KnownAddress(mail.is_mailed, bool(mail.suppressions), dict(contact_of)))
    if may(role, Permission.SEE_POSTS):
        hits += _linked(q)
    if is_id(q):
        hits += _of_id(q)
    if may(role, Permission.SEE_MONEY):
        hits += _transactions(q)
        if settings().payouts_enabled and _INVOICE.fullmatch(q) and (found := showing.find_invoice(q)):
            invoice, run_id = found
            hits.append(
                SearchHit("invoice", invoice.id, invoice.label, "console.payout_run", {"run_id": run_id})
            )
    if may(role, Permission.SEE_AUDIT) and _REQUEST.fullmatch(q):
        hits += _asked_for(q)
    return SearchResult([hit for hit in hits if may(role, _MAY[hit.kind])])


def _partners(q: str) -> list[SearchHit]:
    is_address = "@" in q
    which = Partner.email == q.lower() if is_address else lists.begins_with(Partner.name, q)
    found = select(Partner).where(which, Partner.email.is_not(None)).order_by(Partner.created_at.desc())
    return [
        SearchHit(
            "partner", one.id, f"{one.name or '–'} · {one.email}", "console.partner", {"partner_id": one.id}
        )
        for one in db.session.scalars(found.limit(MOST))
    ]


def _linked(q: str) -> list[SearchHit]:
    """Return the post of a code, of a short URL, or of the old neutral form ``/l/<asset>?pid=``."""
    url = urlsplit(q) if "/" in q else None
    in_path = _IN_PATH.search(url.path) if url else None
    code = in_path[1] if in_path else q
    if is_id(code) and url:
        wanted = Submission.asset_id == code
        if owner := parse_qs(url.query).get("pid"):
            wanted &= Submission.partner_id == owner[0]
        return [_post(one) for one in db.session.scalars(select(Submission).where(wanted))]
    if not _CODE.fullmatch(code):
        return []
    of_code = select(Submission).join(Link, Link.submission_id == Submission.id).where(Link.code == code)
    return [_post(one) for one in db.session.scalars(of_code)]


def _of_id(q: str) -> list[SearchHit]:
    """Return what has this id, whatever it is; one question for all kinds."""
    kinds = (
        ("partner", Partner.id, Partner.id),
        ("post", Submission.id, Submission.partner_id),
        ("offer", Offer.id, Offer.id),
        ("conversion", Conversion.id, Conversion.id),
        ("hold", Hold.id, Hold.partner_id),
        ("delivery", Delivery.id, Delivery.partner_id),
    )
    asked = union_all(*(select(literal(kind), owner).where(key == q) for kind, key, owner in kinds))
    return [
        SearchHit(kind, q, "", _PAGES[kind][0], {_PAGES[kind][1]: q if kind in _BY_ID else owner or ""})
        for kind, owner in db.session.execute(asked)
    ]


def _transactions(q: str) -> list[SearchHit]:
    """Return what networks reported of a transaction; each network's own index finds it."""
    found = (
        select(Conversion)
        .where(Conversion.network_id.in_(select(Network.id)), Conversion.transaction == q[:128])
        .order_by(Conversion.recorded_at)
    )
    return [
        SearchHit(
            "conversion", one.id, f"{one.transaction} · {one.type}", "console.conversion",
            {"conversion_id": one.id},
        )
        for one in db.session.scalars(found.limit(MOST))
    ]  # fmt: skip


def _asked_for(q: str) -> list[SearchHit]:
    """Return what was done in the request of an id, as it stands on an error page and in the log."""
    found = (
        select(AuditEntry)
        .where(AuditEntry.request_id == q, AuditEntry.request_id != "")
        .order_by(AuditEntry.recorded_at)
    )
    return [
        SearchHit("act", one.id, f"{one.act} · {one.subject}", "console.audit", {"subject": one.subject})
        for one in db.session.scalars(found.limit(MOST))
    ]


def _post(one: Submission) -> SearchHit:
    return SearchHit("post", one.id, f"« {one.title or '–'} »", "console.posts", {"post": one.id})


_PAGES: Final = {
    "partner": ("console.partner", "partner_id"),
    "post": ("console.posts", "post"),
    "offer": ("console.offer", "offer_id"),
    "conversion": ("console.conversion", "conversion_id"),
    "hold": ("console.holds", "partner"),
    "delivery": ("console.mail", "partner"),
}
_BY_ID: Final = {"partner", "post", "offer", "conversion"}
_MAY: Final = {
    "partner": Permission.SEE_PARTNERS,
    "post": Permission.SEE_POSTS,
    "offer": Permission.SEE_OFFERS,
    "conversion": Permission.SEE_MONEY,
    "hold": Permission.SEE_MONEY,
    "delivery": Permission.SEE_MAIL,
    "act": Permission.SEE_AUDIT,
    "invoice": Permission.SEE_MONEY,
}
