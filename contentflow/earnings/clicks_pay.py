"""Cents per valid click: each closed UTC day is paid out of the roll-ups, once, within the offer's budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.earnings import contracts, fraud, holds, ledger, postings, revshare
from contentflow.earnings.attribution import advertiser_of, terms_of
from contentflow.earnings.ledger import Source
from contentflow.earnings.models import Credit
from contentflow.links import services as links
from contentflow.links.models import Click, Link, LinkDay
from contentflow.offers.models import Offer

LOOKED_BACK = timedelta(days=35)  # A spool that was away for a month is paid too.
BLOCK_CLICKS = 20
BLOCK_PERCENT = 60


@dataclass(frozen=True)
class PaidDay:
    """The valid clicks of one link on one day."""

    link_id: str
    day: date
    clicks: int


def pay_closed_days() -> None:
    """Chore: credit what the valid clicks of closed days earned and no credit has yet."""
    today = clock.now().date()
    found = (
        select(LinkDay.link_id, LinkDay.day, LinkDay.clicks)
        .join(Link, Link.id == LinkDay.link_id)
        .join(Submission, Submission.id == Link.submission_id)
        .where(
            LinkDay.day >= today - LOOKED_BACK,
            LinkDay.day < today,
            LinkDay.verdict == links.VALID,
            LinkDay.clicks > 0,
            Submission.click_cents > 0,
        )
        .order_by(LinkDay.day, LinkDay.link_id)
    )
    days = [PaidDay(link_id, day, clicks) for link_id, day, clicks in db.session.execute(found)]
    db.session.rollback()
    for day in days:
        with transaction():
            pay_day(day)


def pay_day(paid: PaidDay) -> None:
    """Credit the clicks that are not paid yet. Fewer than before take nothing back: that is done by name."""
    link = db.session.get_one(Link, paid.link_id)
    submission = db.session.get_one(Submission, link.submission_id)
    offer = db.session.get_one(Offer, link.offer_id, with_for_update={"key_share": True})
    ledger.lock_partner(link.partner_id)
    key = f"clicks:{link.id}:{paid.day}"
    times, done = _paid_already(key)
    due = paid.clicks - done
    terms = terms_of(submission)
    cents = revshare.click_earnings(max(due, 0), terms.click_cents, _budget_left(offer, paid.day))
    if not cents:
        return
    room = contracts.room_cents(link.partner_id, advertiser_of(offer))
    within, beyond = (cents, 0) if room is None else postings.split(cents, room)
    source = Source(
        key=f"{key}:{times}",
        kind="clicks",
        partner_id=link.partner_id,
        submission_id=submission.id,
        offer_id=offer.id,
        advertiser=advertiser_of(offer),
        channel=link.channel,
        day=paid.day,
        holding_days=terms.holding_days,
        units=cents // terms.click_cents,
    )
    credits = ledger.add_credits(source, [within, beyond])
    ledger.post(source.key, "clicks", postings.earn(0, ledger.shares_of(credits)), link.partner_id)
    if beyond:
        holds.hold(credits[-1], [contracts.CONTRACT])
    _hold_suspicious(credits, paid, link.partner_id)


def _paid_already(key: str) -> tuple[int, int]:
    """Return how often this link and day was credited, and how many clicks that were."""
    found = select(func.count(Credit.id), func.coalesce(func.sum(Credit.units), 0))
    times, units = db.session.execute(found.where(Credit.key.startswith(f"{key}:", autoescape=True))).one()
    return int(times), int(units)


def _budget_left(offer: Offer, day: date) -> int | None:
    if offer.daily_budget_cents is None:
        return None
    spent = select(func.sum(Credit.cents)).where(
        Credit.offer_id == offer.id, Credit.day == day, Credit.kind == "clicks"
    )
    return offer.daily_budget_cents - int(db.session.scalar(spent) or 0)


def _hold_suspicious(credits: Iterable[Credit], paid: PaidDay, partner_id: str) -> None:
    reasons = set()
    fraudulent = select(LinkDay.clicks).where(
        LinkDay.link_id == paid.link_id, LinkDay.day == paid.day, LinkDay.verdict == "fraud"
    )
    if (db.session.scalar(fraudulent) or 0) > paid.clicks:
        reasons.add(fraud.BURST)
    if _is_one_block(paid, partner_id):
        reasons.add(fraud.NETWORK_BLOCK)
    if fraud.is_refunded_often(partner_id):
        reasons.add(fraud.REFUND_RATIO)
    for credit in credits:
        holds.hold(credit, reasons)


def _is_one_block(paid: PaidDay, partner_id: str) -> bool:
    """Whether most of at least 20 valid clicks came out of one block of addresses."""
    start = clock.start_of(paid.day)
    blocks = (
        select(func.count(Click.id).label("clicks"))
        .where(
            Click.partner_id == partner_id,
            Click.at >= start,
            Click.at < start + timedelta(days=1),
            Click.link_id == paid.link_id,
            Click.verdict == links.VALID,
            Click.block_hash.is_not(None),
        )
        .group_by(Click.block_hash)
        .subquery()
    )
    most = db.session.scalar(select(func.max(blocks.c.clicks))) or 0
    return paid.clicks >= BLOCK_CLICKS and most * 100 > paid.clicks * BLOCK_PERCENT
