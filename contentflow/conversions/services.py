"""A report becomes a conversion once, moves it, corrects it, or changes nothing; and is booked."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import select

from contentflow.conversions import amounts, meant_clicks, networks, refunds, revshare, settling
from contentflow.conversions.attribution import Origin, find_origin, follow, origin_of
from contentflow.conversions.errors import (
    AccountErased,
    AlreadyAttributed,
    ConflictingReplay,
    InvalidPayload,
    RefundFollows,
    UnknownClick,
    UnknownConversion,
)
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Conversion, Network
from contentflow.conversions.revshare import Effect
from contentflow.conversions.settling import Cause
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.core.writes import lock
from contentflow.ledger import services as ledger
from contentflow.ledger.models import TransactionKind

NO_CLICK: Final = "no_click"
UNKNOWN_CLICK: Final = "unknown_click"
ACCOUNT_ERASED: Final = "account_erased"
LOCK_SEED = 5


class ReportOutcome(StrEnum):
    """What a report did: ``moved`` its state, ``corrected`` its amount (and perhaps its state)."""

    NEW = "new"
    REPLAY = "replay"
    MOVED = "moved"
    CORRECTED = "corrected"
    ATTRIBUTED = "attributed"
    OUTDATED = "outdated"  # the network's word since is newer
    REFUSED = "refused"
    UNSIGNED = "unsigned"  # 401: whoever sent it is not known


class Recorded(NamedTuple):
    """The conversion that a report is of, as it is now, and what the report did."""

    conversion: Conversion
    verdict: ReportOutcome


def record(network: Network, report: Report, *, is_signed: bool = False) -> Recorded:
    """Apply a report, in the caller's one transaction: the network's latest word counts.

    It is the latest by ``changed_at``, where this report and the last one have it, else by arrival. What
    names no amount or no state leaves that of a known one. Raises ``InvalidPayload``, and, ``is_signed``,
    ``ConflictingReplay`` for a known transaction with another amount, currency or click.
    """
    for name in sorted({report.transaction, report.refund_of or report.transaction}):
        _queue_up(f"{network.id}/{name}")
    known = _find(network.id, report.transaction, report.type)
    if known is not None:
        said = report.amount, report.currency, report.click_id, report.refund_of
        kept = known.amount_cents, known.currency, known.click_id.strip(), known.refund_of
        if is_signed and said != kept:
            raise ConflictingReplay
        return Recorded(known, _change(known, report))
    if is_signed and report.type == "refund":
        sale = _sale_of(network.id, report.refund_of)
        if sale is not None:
            refunds.check(report.amount or 0, report.currency, sale)
    return Recorded(_add(network, report), ReportOutcome.NEW)


def _change(known: Conversion, report: Report) -> ReportOutcome:
    """Let a known conversion follow the network's word; nothing is booked where nothing changes."""
    if report.changed_at and known.changed_at and report.changed_at < known.changed_at:
        return ReportOutcome.OUTDATED
    if known.type == "refund" and report.refund_of != known.refund_of:
        raise InvalidPayload(f"refund_of was {known.refund_of} before")
    amount = known.amount_cents if report.amount is None else report.amount
    state = report.state or known.state
    is_corrected = (amount, report.currency) != (known.amount_cents, known.currency)
    is_moved = state != known.state
    if report.changed_at:
        known.changed_at = report.changed_at
    verdict = (
        ReportOutcome.CORRECTED if is_corrected else ReportOutcome.MOVED if is_moved else ReportOutcome.REPLAY
    )
    if verdict != ReportOutcome.REPLAY:
        # The sale that it is, or is a refund of, with what it is worth; none came before its refund.
        sale = _sale_of(known.network_id, known.refund_of) if known.type == "refund" else known
        before = settling.effect_of(sale) if sale is not None else None
        before_cents = known.euro_cents
        note, kind = _why(known, state, is_moved)
        if report.currency != known.currency:
            known.currency, known.rate_micros = report.currency, _rate(report.currency)
        known.amount_cents, known.state = amount, state
        known.euro_cents = amounts.euro_cents(amount, known.currency, known.rate_micros)
        if is_moved:
            known.state_at = clock.now()
        origin = origin_of(known) if known.type != "refund" else None
        if origin is not None:  # What the partner earns of a sale whose amount changed.
            known.earned_cents = revshare.conversion_earnings(known.euro_cents, origin.terms)
        db.session.flush()
        if is_corrected:
            note = f"{note} {before_cents}>{known.euro_cents}"
        if sale is not None:
            settling.settle(sale, before, Cause(known.id, kind, note))
    if known.type != "refund" and known.partner_id is None and report.click_id != known.click_id:
        return _attribute_late(known, report.click_id) or verdict
    return verdict


def _why(known: Conversion, state: str, is_moved: bool) -> tuple[str, str]:
    """Return the words of a posting: why, and its kind."""
    if known.type == "refund" or not is_moved:
        return "corrected", TransactionKind.CORRECT
    if state == "rejected":
        return "rejected", TransactionKind.REJECT
    if known.state == "rejected":
        return "restored", TransactionKind.RESTORE
    return ("suspended" if state == "pending" else "corrected"), TransactionKind.CORRECT


def _add(network: Network, report: Report) -> Conversion:
    families: list[tuple[Conversion, Effect]] = []
    rate = _rate(report.currency)
    if report.type == "refund":
        sale = _sale_of(network.id, report.refund_of)
        if sale is not None:
            families = [(sale, settling.effect_of(sale))]
            rate = sale.rate_micros if sale.currency == report.currency else rate
    new = make(network.id, report, rate)
    db.session.add(new)
    db.session.flush()
    if report.type == "refund":  # Without its sale it waits, and takes nothing until then.
        for sale, before in families:
            settling.settle(sale, before, Cause(new.id, TransactionKind.REFUND))
        return new
    origin, new.unattributed = _origin_of(report.click_id)
    if origin is not None:
        follow(new, origin)
        db.session.flush()
    settling.settle(new, None, Cause(new.id, new.type), origin)
    return new


def _attribute_late(conversion: Conversion, click_id: str) -> ReportOutcome | None:
    """Credit what was nobody's, now that its network names a click that is somebody's."""
    origin, _ = _origin_of(click_id)
    if origin is None:
        return None
    before = settling.effect_of(conversion)
    follow(conversion, origin)
    db.session.flush()
    settling.settle(conversion, before, Cause(conversion.id, TransactionKind.ATTRIBUTE), origin)
    return ReportOutcome.ATTRIBUTED


def attribute(conversion_id: str, click_id: str, actor: str) -> Conversion:
    """Give an unattributed conversion to the partner of a click, refunds included."""
    conversion = lock_unattributed(conversion_id)
    origin, reason = _origin_of(click_id)
    if origin is None or origin.click_id != click_id:
        raise AccountErased if reason == ACCOUNT_ERASED else UnknownClick
    give(conversion, origin)
    audit.note(actor, "conversion.attach", f"{conversion.id} {origin.click_id}")
    return conversion


def lock_unattributed(conversion_id: str) -> Conversion:
    """Return a sale of nobody, held until the transaction ends.

    Raises ``UnknownConversion``, ``RefundFollows`` and ``AlreadyAttributed``.
    """
    conversion = db.session.get(Conversion, conversion_id)
    if conversion is None:
        raise UnknownConversion
    if conversion.type == "refund":
        raise RefundFollows
    _queue_up(f"{conversion.network_id}/{conversion.transaction}")
    db.session.refresh(conversion)
    if conversion.partner_id is not None:
        raise AlreadyAttributed
    return conversion


def give(conversion: Conversion, origin: Origin) -> None:
    """Make a sale the partner's, whose row is locked, refunds included."""
    before = settling.effect_of(conversion)
    follow(conversion, origin)
    db.session.flush()
    settling.settle(conversion, before, Cause(conversion.id, TransactionKind.ATTRIBUTE), origin)


def _queue_up(name: str) -> None:
    # Reports of one transaction that come at once, and a refund with its sale, come one after the other.
    lock(name, seed=LOCK_SEED)


def _origin_of(click_id: str) -> tuple[Origin | None, str]:
    """Return where a conversion comes from with its partner locked, or None and why it is nobody's.

    An id that was mangled on its way counts where it can mean exactly one click.
    """
    origin = find_origin(click_id)
    if origin is None and len(meant := meant_clicks.find_clicks(click_id)) == 1:
        origin = find_origin(meant[0])
    if origin is None:
        return None, UNKNOWN_CLICK if click_id else NO_CLICK
    return (origin, "") if ledger.lock_payee(origin.partner_id) else (None, ACCOUNT_ERASED)


def _find(network_id: str, transaction: str, kind: str) -> Conversion | None:
    found = select(Conversion).where(
        Conversion.network_id == network_id,
        Conversion.transaction == transaction,
        Conversion.type == kind,
    )
    return db.session.scalar(found.execution_options(populate_existing=True))


def _sale_of(network_id: str, transaction: str) -> Conversion | None:
    return _find(network_id, transaction, "sale") or _find(network_id, transaction, "lead")


def _rate(currency: str) -> int:
    rate = networks.rate_of(currency)
    if rate is None:
        raise InvalidPayload(f"no rate is set for {currency}: the programme's operator can set one")
    return rate


def make(network_id: str, report: Report, rate: int) -> Conversion:
    """Return what a new report is, nobody's and not written yet."""
    amount, now = report.amount or 0, clock.now()
    return Conversion(
        id=new_id(),
        network_id=network_id,
        transaction=report.transaction,
        type=report.type,
        state=report.state or report.first_state,
        state_at=now,
        changed_at=report.changed_at,
        click_id=report.click_id,
        refund_of=report.refund_of,
        amount_cents=amount,
        currency=report.currency,
        rate_micros=rate,
        euro_cents=amounts.euro_cents(amount, report.currency, rate),
        earned_cents=0,
        occurred_at=report.at,
        recorded_at=now,
    )
