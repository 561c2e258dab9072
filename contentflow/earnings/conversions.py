"""A report becomes a conversion once, and its money a posting: recorded, refunded, attached."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, select, text

from contentflow.core import audit, clock
from contentflow.core.db import db, is_sqlite
from contentflow.core.ids import new_id
from contentflow.earnings import amounts, contracts, fraud, holds, ledger, networks, postings, revshare
from contentflow.earnings.attribution import Origin, find_origin
from contentflow.earnings.ledger import Source
from contentflow.earnings.models import Conversion, Credit, Network
from contentflow.earnings.refusals import (
    AccountErased,
    AttachedAlready,
    OtherAmount,
    RefundFollows,
    UnknownClick,
    UnknownConversion,
    WrongReport,
)
from contentflow.earnings.reports import Report

NO_CLICK: Final = "no_click"
UNKNOWN_CLICK: Final = "unknown_click"
ACCOUNT_ERASED: Final = "account_erased"
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 5))")


def record_conversion(network: Network, report: Report) -> Conversion:
    """Keep a report and book its money; a replay returns what the first one made.

    Raises ``OtherAmount`` for a known transaction with other content, and ``WrongReport``.
    """
    for name in sorted({report.transaction, report.refund_of or report.transaction}):
        _queue_up(f"{network.id}/{name}")
    known = _find(network.id, report.transaction, report.type)
    if known is not None:
        if not report.is_same(known.amount_cents, known.currency, known.click_id, known.refund_of):
            raise OtherAmount
        return known
    if report.type == "refund":
        return _record_refund(network, report)
    conversion = _new(network, report, _rate(report.currency))
    origin, conversion.unattributed = _origin_of(report.click_id)
    _book(conversion, origin, conversion.euro_cents)
    for early in _waiting_refunds(conversion):
        _apply_refund(early, conversion)
    return conversion


def _origin_of(click_id: str) -> tuple[Origin | None, str]:
    """Return where a conversion comes from with its partner locked, or None and why it is nobody's."""
    origin = find_origin(click_id)
    if origin is None:
        return None, UNKNOWN_CLICK if click_id else NO_CLICK
    return (origin, "") if ledger.lock_partner(origin.partner_id) else (None, ACCOUNT_ERASED)


def _queue_up(name: str) -> None:
    # Equal reports that come at once, and a refund with its sale, come one after the other.
    if not is_sqlite():
        db.session.execute(LOCK, {"name": name})


def _find(network_id: str, transaction: str, kind: str) -> Conversion | None:
    return db.session.scalar(
        select(Conversion).where(
            Conversion.network_id == network_id,
            Conversion.transaction == transaction,
            Conversion.type == kind,
        )
    )


def _rate(currency: str) -> int:
    rate = networks.rate_of(currency)
    if rate is None:
        raise WrongReport(f"no rate is set for {currency}: the programme's operator can set one")
    return rate


def _new(network: Network, report: Report, rate: int) -> Conversion:
    conversion = Conversion(
        id=new_id(),
        network_id=network.id,
        transaction=report.transaction,
        type=report.type,
        click_id=report.click_id,
        refund_of=report.refund_of,
        amount_cents=report.amount_cents,
        currency=report.currency,
        rate_micros=rate,
        euro_cents=amounts.euro_cents(report.amount_cents, report.currency, rate),
        earned_cents=0,
        at=report.at,
        recorded_at=clock.now(),
    )
    db.session.add(conversion)
    db.session.flush()
    return conversion


def _book(conversion: Conversion, origin: Origin | None, commission_cents: int, kind: str = "") -> None:
    """Post the commission, and the partner's part of it where the click is somebody's."""
    kind = kind or conversion.type
    key = f"{kind}:{conversion.id}"
    if origin is None:
        ledger.post(key, kind, postings.earn(commission_cents, []), None, conversion.id)
        return
    _adopt(conversion, origin)
    conversion.earned_cents = revshare.conversion_earnings(conversion.euro_cents, origin.terms)
    credits, beyond = _credit(conversion, origin)
    shares = ledger.shares_of(credits)
    ledger.post(key, kind, postings.earn(commission_cents, shares), origin.partner_id, conversion.id)
    if beyond:
        holds.hold(credits[-1], [contracts.CONTRACT])
    suspicions = fraud.reasons(origin, conversion.at)
    for credit in credits:
        holds.hold(credit, suspicions)


def _adopt(conversion: Conversion, origin: Origin) -> None:
    # ``click_id`` stays as it was reported, or a replay after ``attach`` would look like another sale.
    conversion.partner_id, conversion.unattributed = origin.partner_id, ""
    conversion.link_id = origin.link_id
    conversion.submission_id = origin.submission_id
    conversion.channel = origin.channel
    conversion.block_hash = origin.block_hash
    db.session.flush()


def _credit(conversion: Conversion, origin: Origin) -> tuple[list[Credit], int]:
    """Credit the partner; what goes beyond the contract threshold is a credit of its own."""
    room = contracts.room_cents(origin.partner_id, origin.advertiser)
    cents = conversion.earned_cents
    within, beyond = (cents, 0) if room is None else postings.split(cents, room)
    source = Source(
        key=f"conversion:{conversion.id}",
        kind=conversion.type,
        partner_id=origin.partner_id,
        conversion_id=conversion.id,
        submission_id=origin.submission_id,
        offer_id=origin.offer_id,
        advertiser=origin.advertiser,
        channel=origin.channel,
        day=clock.day_of(conversion.recorded_at),
        holding_days=origin.terms.holding_days,
    )
    return ledger.add_credits(source, [within, beyond]), beyond


def _record_refund(network: Network, report: Report) -> Conversion:
    """Book a refund; one that comes before its sale waits for it, and takes nothing until then."""
    original = _original(network.id, report.refund_of)
    if original is None:
        return _new(network, report, _rate(report.currency))
    if report.currency != original.currency:
        raise WrongReport(f"the sale was in {original.currency}")
    left = original.amount_cents - _refunded(original)
    if report.amount_cents > left or (report.amount_cents == 0 and left > 0) or _is_gone(original, left):
        raise WrongReport(f"{left} is left of the sale")
    refund = _new(network, report, original.rate_micros)
    _apply_refund(refund, original)
    return refund


def _is_gone(original: Conversion, left: int) -> bool:
    # A lead without a price is refunded by an amount of 0, once.
    refunds = select(Conversion.id).where(Conversion.refunds_id == original.id).limit(1)
    return left == 0 and db.session.scalar(refunds) is not None


def _original(network_id: str, transaction: str) -> Conversion | None:
    return _find(network_id, transaction, "sale") or _find(network_id, transaction, "lead")


def _waiting_refunds(original: Conversion) -> list[Conversion]:
    found = select(Conversion).where(
        Conversion.network_id == original.network_id,
        Conversion.type == "refund",
        Conversion.refund_of == original.transaction,
        Conversion.currency == original.currency,
        Conversion.refunds_id.is_(None),
    )
    return list(db.session.scalars(found.order_by(Conversion.recorded_at, Conversion.id)))


def _refunded(original: Conversion) -> int:
    total = select(func.sum(Conversion.amount_cents)).where(Conversion.refunds_id == original.id)
    return int(db.session.scalar(total) or 0)


def _apply_refund(refund: Conversion, original: Conversion) -> None:
    """Take back the refund's part of the commission and of what the partner earned by it."""
    if original.partner_id is not None:
        ledger.lock_partner(original.partner_id)
    whole, credits = original.amount_cents, ledger.credits_of(original.id)
    before = min(_refunded(original), whole)
    amount = min(refund.amount_cents, whole - before)
    left = _left(credits)
    refund.euro_cents = revshare.taken(original.euro_cents, whole, before, amount)
    refund.earned_cents = min(left, revshare.taken(original.earned_cents, whole, before, amount))
    for name in ("partner_id", "link_id", "submission_id", "channel"):
        setattr(refund, name, getattr(original, name))
    refund.refunds_id, refund.rate_micros = original.id, original.rate_micros
    db.session.flush()
    ledger.take_back(f"refund:{refund.id}", credits, refund.euro_cents, refund.earned_cents, refund.id)
    if credits:
        contracts.relax(credits[0].partner_id, credits[0].advertiser)


def _left(credits: Iterable[Credit]) -> int:
    return sum(share.cents for share in ledger.shares_of(credits))


def attach(conversion_id: str, click_id: str, actor: str) -> Conversion:
    """Give an unattributed conversion to the partner of a click, refunds included."""
    conversion = db.session.get(Conversion, conversion_id)
    if conversion is None:
        raise UnknownConversion
    if conversion.type == "refund":
        raise RefundFollows
    network_id, transaction = conversion.network_id, conversion.transaction
    _queue_up(f"{network_id}/{transaction}")
    db.session.refresh(conversion)
    if conversion.partner_id is not None:
        raise AttachedAlready
    origin, reason = _origin_of(click_id)
    if origin is None:
        raise AccountErased if reason == ACCOUNT_ERASED else UnknownClick
    _book(conversion, origin, 0, kind="attach")
    _settle_earlier_refunds(conversion)
    audit.note(actor, "conversion.attach", f"{conversion.id} {origin.click_id}")
    return conversion


def _settle_earlier_refunds(conversion: Conversion) -> None:
    found = select(Conversion).where(Conversion.refunds_id == conversion.id).order_by(Conversion.recorded_at)
    before = 0
    for refund in db.session.scalars(found):
        credits = ledger.credits_of(conversion.id)
        amount = min(refund.amount_cents, conversion.amount_cents - before)
        part = revshare.taken(conversion.earned_cents, conversion.amount_cents, before, amount)
        refund.earned_cents = min(_left(credits), part)
        before += amount
        for name in ("partner_id", "link_id", "submission_id", "channel"):
            setattr(refund, name, getattr(conversion, name))
        ledger.take_back(f"attach:{refund.id}", credits, 0, refund.earned_cents, refund.id)


def why_unattributed(conversion: Conversion) -> str:
    """Return the reason in a word; a refund follows its sale, or waits for it."""
    if conversion.type == "refund":
        return "waits_for_sale" if conversion.refunds_id is None else "follows_sale"
    return conversion.unattributed or (UNKNOWN_CLICK if conversion.click_id else NO_CLICK)


def list_unattributed() -> list[Conversion]:
    """Return what credits nobody, the newest first."""
    found = select(Conversion).where(Conversion.partner_id.is_(None)).order_by(Conversion.recorded_at.desc())
    return list(db.session.scalars(found))
