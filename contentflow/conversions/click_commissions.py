"""Cents per valid click: each closed day is paid out of the roll-ups, once, within the offer's budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import func, select

from contentflow.byop.models import Submission
from contentflow.conversions import click_budget, click_fraud, fraud, revshare
from contentflow.conversions.attribution import advertiser_of, terms_of
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import holds
from contentflow.ledger import services as ledger
from contentflow.ledger.double_entry import Account
from contentflow.ledger.models import Commission, Source, TransactionKind
from contentflow.links import services as links
from contentflow.links.models import Link, LinkDay
from contentflow.offers.models import Offer

LOOKED_BACK = timedelta(days=35)  # What waited in a journal for a month is paid too.


class PaidDay(NamedTuple):
    """The valid clicks of one link on one day, each worth ``click_cents``."""

    link_id: str
    day: date
    clicks: int
    offer_id: str
    partner_id: str
    click_cents: int


@dataclass
class Judgement:
    """What is wrong with a partner's day, looked at once for all its links."""

    links_of: Mapping[tuple[str, date], list[str]]
    _found: dict[tuple[str, date], set[str]] = field(default_factory=dict)

    def of(self, partner_id: str, day: date) -> set[str]:
        key = (partner_id, day)
        if key not in self._found:
            self._found[key] = click_fraud.reasons(partner_id, day, self.links_of[key])
        return self._found[key]


def pay_closed_days() -> None:
    """Maintenance: credit what the valid clicks of closed days earned and no commission has yet."""
    today = clock.today()
    found = (
        select(
            LinkDay.link_id,
            LinkDay.day,
            LinkDay.clicks,
            Link.offer_id,
            Link.partner_id,
            Submission.click_cents,
        )
        .join(Link, Link.id == LinkDay.link_id)
        .join(Submission, Submission.id == Link.submission_id)
        .where(
            LinkDay.day >= today - LOOKED_BACK,
            LinkDay.day < today,
            LinkDay.verdict == links.VALID,
            LinkDay.clicks > 0,
            Submission.click_cents > 0,
        )
        .order_by(LinkDay.day, Link.offer_id, Link.partner_id, LinkDay.link_id)
    )
    days = [PaidDay(*row) for row in db.session.execute(found)]
    db.session.rollback()
    links_of: dict[tuple[str, date], list[str]] = {}
    for paid in days:
        links_of.setdefault((paid.partner_id, paid.day), []).append(paid.link_id)
    judgement = Judgement(links_of)
    for (day, offer_id), of_offer in groupby(days, key=lambda paid: (paid.day, paid.offer_id)):
        _pay_offer(offer_id, day, list(of_offer), judgement)


def _pay_offer(offer_id: str, day: date, days: list[PaidDay], judgement: Judgement) -> None:
    """Pay an offer's links of one day, each in a transaction of its own."""
    done: Counter[str] = Counter()  # clicks that have a commission, by link
    found = select(Commission.key, Commission.units).where(
        Commission.offer_id == offer_id, Commission.day == day, Commission.kind == TransactionKind.CLICKS
    )
    for key, units in db.session.execute(found):
        done[key.split(":")[1]] += units
    db.session.rollback()
    if all(done[paid.link_id] >= paid.clicks for paid in days):
        return
    with transaction():
        budget_cents = click_budget.keep(offer_id, day)
    # How many clicks of each link the budget pays, by the time of every click.
    shares: Mapping[str, int] = {paid.link_id: paid.clicks for paid in days}
    if budget_cents is not None:
        links_of: dict[str, list[str]] = {}
        for paid in days:
            links_of.setdefault(paid.partner_id, []).append(paid.link_id)
        clicked = click_budget.clicks_by_time(links_of, day)
        shares = click_budget.share(clicked, {paid.link_id: paid.click_cents for paid in days}, budget_cents)
    db.session.rollback()
    for paid in days:
        if shares[paid.link_id] > done[paid.link_id]:
            with transaction():
                pay_day(paid, shares[paid.link_id], budget_cents, judgement)


def pay_day(paid: PaidDay, clicks: int, budget_cents: int | None, judgement: Judgement) -> None:
    """Credit those of ``clicks`` that are not paid yet. Fewer than before take nothing back."""
    link = db.session.get_one(Link, paid.link_id)
    submission = db.session.get_one(Submission, link.submission_id)
    offer = db.session.get_one(Offer, link.offer_id, with_for_update={"key_share": True})
    if not ledger.lock_payee(link.partner_id):
        return
    key = f"clicks:{link.id}:{paid.day}"
    # How often this link and day was credited, and how many clicks that were.
    known = Commission.key.startswith(f"{key}:", autoescape=True)
    sums = select(func.count(Commission.id), func.coalesce(func.sum(Commission.units), 0)).where(known)
    times, done = map(int, db.session.execute(sums).one())
    terms, left = terms_of(submission), click_budget.left(offer.id, paid.day, budget_cents)
    cents = revshare.click_earnings(max(clicks - done, 0), terms.click_cents, left)
    if not cents:
        return
    source = Source(
        key=f"{key}:{times}",
        kind=TransactionKind.CLICKS,
        partner_id=link.partner_id,
        submission_id=submission.id,
        offer_id=offer.id,
        advertiser=advertiser_of(offer),
        channel=link.channel,
        day=paid.day,
        holding_days=terms.holding_days,
        units=cents // terms.click_cents,
    )
    earned = ledger.credit(source, cents, source.key, TransactionKind.CLICKS)
    _hold_suspicious(earned, paid, judgement.of(link.partner_id, paid.day))


def _hold_suspicious(earned: Iterable[Commission], paid: PaidDay, of_day: set[str]) -> None:
    reasons = set(of_day)
    fraudulent = select(LinkDay.clicks).where(
        LinkDay.link_id == paid.link_id, LinkDay.day == paid.day, LinkDay.verdict == "fraud"
    )
    if (db.session.scalar(fraudulent) or 0) > paid.clicks:
        reasons.add(fraud.BURST)
    if fraud.is_refunded_often(paid.partner_id):
        reasons.add(fraud.REFUND_RATIO)
    if click_fraud.sells_nothing(paid.partner_id, paid.offer_id):
        reasons.add(fraud.NO_SALES)
    for commission in earned:
        holds.hold(commission, reasons)
    # What is still pending of this day, or of the week before it, is of the same farm.
    since = paid.day - (click_fraud.WEEK if fraud.STEADY_BLOCK in of_day else timedelta(days=1))
    earlier = select(Commission).where(
        Commission.partner_id == paid.partner_id,
        Commission.kind == TransactionKind.CLICKS,
        Commission.state == Account.PENDING,
        Commission.day > since,
        Commission.day <= paid.day,
    )
    for commission in db.session.scalars(earlier).all() if of_day else ():
        holds.hold(commission, of_day)
