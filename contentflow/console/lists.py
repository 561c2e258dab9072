"""The console's lists: what each filter means, and what its CSV says. No list is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from contentflow.byop.models import Submission
from contentflow.console import days
from contentflow.conversions.models import Conversion
from contentflow.core.audit import AuditEntry
from contentflow.core.csv_lines import Dialect
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.core.ids import is_id
from contentflow.core.paging import Listing, Page
from contentflow.ledger import contracts
from contentflow.ledger.models import Hold
from contentflow.mailing.models import DELIVERED_OR_WAITING, STATES, WAITING, Delivery, SenderPause
from contentflow.partners.models import Partner
from contentflow.partners.roles import Permission
from contentflow.payouts.run_models import Payout

SIZE: Final = 50
BATCH: Final = 1_000
Filters = Mapping[str, str]
Cell = Callable[[Any, Dialect], object]


@dataclass(frozen=True)
class ListOf:
    """A list of ``model``, newest first; ``columns`` are what the CSV says of a row, by their header."""

    name: str
    model: type[Any]
    time: InstrumentedAttribute[datetime]
    key: InstrumentedAttribute[str]
    permission: Permission
    fields: tuple[str, ...]
    which: Callable[[Filters], list[ColumnElement[bool]]]
    columns: Mapping[str, Cell]
    holds_addresses: bool = False

    def listing(self, filters: Filters) -> Listing[Any]:
        return Listing(self.model, self.time, self.key, *self.which(filters))

    def page(self, filters: Filters, cursor: str) -> Page[Any]:
        """Return the rows that follow the row ``cursor``, or the first ones."""
        return replace(self.listing(filters).page(SIZE, before=cursor), newer="")

    def csv(self, filters: Filters, dialect: Dialect) -> Iterator[str]:
        """Yield lines of all rows of exactly this filter, a batch of rows in memory at a time."""
        yield dialect.start + dialect.line(self.columns)
        listing = self.listing(filters)
        rows = listing.newest(BATCH)
        while rows:
            yield "".join(dialect.line([say(row, dialect) for say in self.columns.values()]) for row in rows)
            last = rows[-1]
            db.session.expunge_all()
            rows = listing.newest(BATCH, listing.is_older(last))


class HasFields(Protocol):
    """What is filtered by the fields of a form."""

    @property
    def fields(self) -> tuple[str, ...]: ...


def get_list(name: str) -> ListOf:
    """Raises ``NotFound``."""
    if name not in LISTS:
        raise NotFound
    return LISTS[name]


def begins_with(column: InstrumentedAttribute[Any], text: str) -> ColumnElement[bool]:
    """Whether a name or address begins so, in any case; no sign of ``text`` is a wildcard.

    SQLite knows the case of ASCII alone: “élo” is asked for as “Élo” too.
    """
    ways = dict.fromkeys((text, text.lower(), text.capitalize()))
    lowered = func.lower(column).startswith(text.lower(), autoescape=True)
    return or_(lowered, *(column.startswith(way, autoescape=True) for way in ways if not way.isascii()))


def filters_of(of: HasFields, sent: Mapping[str, str]) -> dict[str, str]:
    """Return the filter's fields of what was sent, and nothing else of it."""
    return {name: sent[name] for name in of.fields if sent.get(name)}


def only_ids(texts: Iterable[str]) -> Sequence[str]:
    """Return what looks like an id, each once, in the order given."""
    return list(dict.fromkeys(text for text in texts if is_id(text)))


def _same(column: InstrumentedAttribute[Any], value: str) -> list[ColumnElement[bool]]:
    return [column == _plain(value)] if value else []


def _since(column: InstrumentedAttribute[datetime], text: str) -> list[ColumnElement[bool]]:
    start = days.since(text)
    return [column >= start] if start else []


def _plain(text: str) -> str:
    """Return text that every database takes: PostgreSQL refuses NUL."""
    return text.replace("\x00", "")[:200]


def _posts(filters: Filters) -> list[ColumnElement[bool]]:
    state = filters.get("state", "")
    which: list[ColumnElement[bool]] = []
    if state == "archived":
        which = [Submission.archived_at.is_not(None)]
    elif state == "refused":
        which = [Submission.status == "failed", Submission.refusal.is_not(None)]
    elif state:
        which = [Submission.status == _plain(state), Submission.archived_at.is_(None)]
    which += _same(Submission.partner_id, filters.get("partner", ""))
    which += _same(Submission.offer_id, filters.get("offer", ""))
    which += _same(Submission.id, filters.get("post", ""))
    return which + _since(Submission.created_at, filters.get("since", ""))


def _partners(filters: Filters) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = [Partner.email.is_not(None)]
    if q := _plain(filters.get("q", "").strip()):
        which.append(or_(begins_with(Partner.name, q), Partner.email == q.lower()))
    state = filters.get("state", "")
    if state == "warned":
        which.append(Partner.id.in_(list(warned_partners())))
    elif state:
        which.append(Partner.is_active.is_(state == "active"))
    return which


def warned_partners() -> dict[str, list[contracts.Standing]]:
    """Return by partner's id with whom they come near this year's limit without a contract, not held yet."""
    found: dict[str, list[contracts.Standing]] = {}
    for partner_id, standing in contracts.due_this_year():
        if not standing.is_held:
            found.setdefault(partner_id, []).append(standing)
    return found


def _holds(filters: Filters) -> list[ColumnElement[bool]]:
    state = filters.get("state", "open")
    which: list[ColumnElement[bool]] = []
    if state == "open":
        which = [Hold.released_at.is_(None), Hold.kept_at.is_(None)]
    elif state == "kept":
        which = [Hold.released_at.is_(None), Hold.kept_at.is_not(None)]
    elif state == "released":
        which = [Hold.released_at.is_not(None)]
    reason = filters.get("reason", "")
    if reason == "suspicion":
        which.append(Hold.reason != "contract")
    else:
        which += _same(Hold.reason, reason)
    which += _same(Hold.id, filters.get("hold", ""))
    return which + _same(Hold.partner_id, filters.get("partner", ""))


def _conversions(filters: Filters) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = []
    if filters.get("state") == "unattributed":
        which = [
            Conversion.partner_id.is_(None), Conversion.type != "refund", Conversion.dismissed_at.is_(None)
        ]  # fmt: skip
    which += _same(Conversion.partner_id, filters.get("partner", ""))
    return which + _since(Conversion.recorded_at, filters.get("since", ""))


def _deliveries(filters: Filters) -> list[ColumnElement[bool]]:
    state = filters.get("state", "")
    which: list[ColumnElement[bool]] = []
    if state == "undelivered":
        # Spelt out in the statement, so that the index of those alone is used.
        others: BindParameter[Any] = bindparam(
            "others", DELIVERED_OR_WAITING, expanding=True, literal_execute=True
        )
        which = [Delivery.state.not_in(others)]
    elif state == "paused":
        paused = select(SenderPause.scope).where(SenderPause.resumed_at.is_(None))
        which = [Delivery.partner_id.in_(paused), Delivery.state.in_(WAITING)]
    elif state in STATES:
        which = [Delivery.state == state]
    which += _same(Delivery.partner_id, filters.get("partner", ""))
    if domain := _plain(filters.get("domain", "").strip().lower().lstrip("@")):
        # Said twice, so that the index of those that still have an address is used.
        which.append(Delivery.recipient.is_not(None))
        which.append(Delivery.recipient.endswith(f"@{domain}", autoescape=True))
    return which + _since(Delivery.created_at, filters.get("since", ""))


def _payouts(filters: Filters) -> list[ColumnElement[bool]]:
    which = _same(Payout.state, filters.get("state", "")) + _same(
        Payout.partner_id, filters.get("partner", "")
    )
    return which + _since(Payout.created_at, filters.get("since", ""))


def _audit(filters: Filters) -> list[ColumnElement[bool]]:
    which = _same(AuditEntry.actor, filters.get("actor", ""))
    which += _same(AuditEntry.act, filters.get("act", ""))
    which += _same(AuditEntry.subject, filters.get("subject", ""))
    return which + _since(AuditEntry.recorded_at, filters.get("since", ""))


def _moment(column: str) -> Cell:
    def say(row: Any, dialect: Dialect) -> object:
        at = getattr(row, column)
        return dialect.moment(at) if at else ""

    return say


def _cents(column: str) -> Cell:
    return lambda row, dialect: dialect.cents(getattr(row, column))


def _plainly(*names: str) -> dict[str, Cell]:
    def cell(name: str) -> Cell:
        def say(row: Any, dialect: Dialect) -> object:
            value = getattr(row, name)
            return str(value) if isinstance(value, dict) else value

        return say

    return {name: cell(name) for name in names}


LISTS: Final[Mapping[str, ListOf]] = {
    each.name: each
    for each in (
        ListOf(
            "posts", Submission, Submission.created_at, Submission.id, Permission.SEE_POSTS,
            ("state", "partner", "offer", "since", "post"), _posts,
            {
                **_plainly("id", "partner_id", "offer_id", "title", "status", "refusal"),
                "at": _moment("created_at"),
            },
        ),
        ListOf(
            "partners", Partner, Partner.created_at, Partner.id, Permission.SEE_PARTNERS,
            ("q", "state"), _partners,
            {**_plainly("id", "email", "name", "role", "is_active"), "at": _moment("created_at")},
            holds_addresses=True,
        ),
        ListOf(
            "holds", Hold, Hold.opened_at, Hold.id, Permission.SEE_MONEY,
            ("state", "reason", "partner", "hold"), _holds,
            {
                **_plainly("id", "partner_id", "commission_id", "reason"),
                "at": _moment("opened_at"), "released_at": _moment("released_at"),
            },
        ),
        ListOf(
            "conversions", Conversion, Conversion.recorded_at, Conversion.id, Permission.SEE_MONEY,
            ("state", "partner", "since"), _conversions,
            {
                **_plainly("id", "network_id", "transaction", "type", "partner_id"),
                **_plainly("amount_cents", "currency"),
                "euros": _cents("euro_cents"), "earned": _cents("earned_cents"), "at": _moment("occurred_at"),
            },
        ),
        ListOf(
            "deliveries", Delivery, Delivery.created_at, Delivery.id, Permission.SEE_MAIL,
            ("state", "partner", "domain", "since"), _deliveries,
            {
                **_plainly("id", "kind", "state", "recipient", "partner_id", "submission_id", "reason"),
                "at": _moment("created_at"),
            },
            holds_addresses=True,
        ),
        ListOf(
            "payouts", Payout, Payout.created_at, Payout.id, Permission.SEE_MONEY,
            ("state", "partner", "since"), _payouts,
            {**_plainly("id", "run_id", "partner_id", "state", "reason"), "net": _cents("net_cents"),
             "total": _cents("total_cents"), "at": _moment("created_at")},
        ),
        ListOf(
            "audit", AuditEntry, AuditEntry.recorded_at, AuditEntry.id, Permission.SEE_AUDIT,
            ("actor", "act", "subject", "since"), _audit,
            {
                **_plainly("id", "actor", "role", "act", "subject", "reason", "before", "after", "seen_as"),
                "request_id": lambda row, dialect: row.request_id, "at": _moment("recorded_at"),
            },
        ),
    )
}  # fmt: skip
