"""An offer's budget of a day goes to its clicks by their time, and stays what it was that day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from contentflow.conversions.models import ClickBudget
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.writes import insert_missing
from contentflow.ledger.models import Commission, TransactionKind
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.offers.models import Offer


def share(clicked: Iterable[str], click_cents: Mapping[str, int], budget_cents: int | None) -> Counter[str]:
    """Return how many clicks of each link are paid.

    ``clicked`` are link ids, a click each, the earliest first. No click is paid in part; a cheaper one
    may still fit where a dearer one did not. Pure.
    """
    paid: Counter[str] = Counter()
    spent = 0
    for link_id in clicked:
        cents = click_cents[link_id]
        if budget_cents is None or spent + cents <= budget_cents:
            paid[link_id] += 1
            spent += cents
    return paid


def keep(offer_id: str, day: date) -> int | None:
    """Return the budget of a day that is over, kept at the first call: raising it pays no past click."""
    now = select(Offer.daily_budget_cents).where(Offer.id == offer_id).scalar_subquery()
    insert_missing(ClickBudget, offer_id=offer_id, day=day, budget_cents=now)
    kept = select(ClickBudget.budget_cents)
    return db.session.scalar(kept.where(ClickBudget.offer_id == offer_id, ClickBudget.day == day))


def left(offer_id: str, day: date, budget_cents: int | None) -> int | None:
    """Return what the day's commissions leave of its budget; None where there is no limit."""
    if budget_cents is None:
        return None
    spent = select(func.sum(Commission.cents)).where(
        Commission.offer_id == offer_id, Commission.day == day, Commission.kind == TransactionKind.CLICKS
    )
    return budget_cents - int(db.session.scalar(spent) or 0)


def clicks_by_time(links_of: Mapping[str, Collection[str]], day: date) -> list[str]:
    """Return the link of each valid click of a day, the earliest first. ``links_of``: link ids by partner."""
    start, end = clock.start_of(day), clock.start_of(day + timedelta(days=1))
    found: list[tuple[datetime, str, str]] = []
    for partner_id, link_ids in links_of.items():
        of_partner = select(Click.clicked_at, Click.id, Click.link_id).where(
            Click.partner_id == partner_id,
            Click.clicked_at >= start,
            Click.clicked_at < end,
            Click.verdict == links.VALID,
            Click.link_id.in_(link_ids),
        )
        found.extend((at, id, link_id) for at, id, link_id in db.session.execute(of_partner))
    return [link_id for _, _, link_id in sorted(found)]
