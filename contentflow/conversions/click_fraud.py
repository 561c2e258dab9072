"""What looks wrong in a partner's paid clicks of a day, over all links together.

One machine that clicks many links an hour apart has no two clicks on one link within the hour: only the day
as a whole shows it. Computed from rows alone, so it is the same whether clicks came one by one, out of a
journal, or folded in batches; what comes late is judged with its whole day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, case, func, select

from contentflow.conversions import fraud
from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.ledger.models import Commission
from contentflow.links import services as links
from contentflow.links.models import Click

# A person opens a few links of whom they follow. A school's phones share an address and often an agent:
# then one “visitor” has a click an hour and link, but hardly a quarter of all.
VISITOR_CLICKS: Final = 8
VISITOR_PERCENT: Final = 25
BLOCK_CLICKS: Final = 20
BLOCK_PERCENT: Final = 60
# However many clicks there are beside them: so many, and so much of a hundred, may be one's.
VISITOR_AT_MOST: Final = (30, 2)
ADDRESS_AT_MOST: Final = (150, 5)
BLOCK_AT_MOST: Final = (200, 10)
# A few clicks a day, day after day out of one block: an office is one day's, and a farm every day's.
WEEK: Final = timedelta(days=7)
WEEK_DAYS: Final = 4
WEEK_CLICKS: Final = 12
# Where others sell: at 7 sales expected, none at all is chance once in a thousand.
SALES_TIME: Final = timedelta(days=30)
SALES_EXPECTED: Final = 7
OTHERS_SALES: Final = 10


class Group(NamedTuple):
    """The valid clicks of one visitor; hashes are None where no key was at hand."""

    block: str | None
    address: str | None
    visitor: str | None
    clicks: int


class BusiestBlock(NamedTuple):
    """A day's clicks, and how many of them came out of the block that most came out of."""

    clicks: int
    busiest: int


def judge(groups: Collection[Group]) -> set[str]:
    """Return why a day's clicks are held; empty when they look like people's. Pure."""
    clicks = sum(group.clicks for group in groups)
    visitor, address, block = (_most(groups, of) for of in ("visitor", "address", "block"))
    found = set()
    is_visitor = visitor >= VISITOR_CLICKS and visitor * 100 > clicks * VISITOR_PERCENT
    if (
        is_visitor
        or visitor > _at_most(VISITOR_AT_MOST, clicks)
        or address > _at_most(ADDRESS_AT_MOST, clicks)
    ):
        found.add(fraud.REPEATED)
    # Clicks of which nobody can tell the block are one block: without a key nothing is proven of them.
    nobodys = sum(group.clicks for group in groups if group.block is None and group.visitor is None)
    of_one = max(block, nobodys)
    is_block = clicks >= BLOCK_CLICKS and of_one * 100 > clicks * BLOCK_PERCENT
    if is_block or of_one > _at_most(BLOCK_AT_MOST, clicks):
        found.add(fraud.NETWORK_BLOCK)
    return found


def is_steady(days: Iterable[BusiestBlock]) -> bool:
    """Whether few clicks a day come out of one block day after day. Pure.

    The first click of a day is its own block's, whatever it is: only further ones are counted.
    """
    repeated = [day for day in days if day.busiest > 1]
    further = sum(day.clicks - 1 for day in repeated)
    of_one = sum(day.busiest - 1 for day in repeated)
    return len(repeated) >= WEEK_DAYS and further >= WEEK_CLICKS and of_one * 100 > further * BLOCK_PERCENT


def reasons(partner_id: str, day: date, link_ids: Collection[str]) -> set[str]:
    """Return why a partner's valid clicks of a day on these links, those that pay, are held."""
    hashes = (Click.block_hash, Click.ip_hash, Click.visitor_hash)
    groups = select(*hashes, func.count(Click.id)).group_by(*hashes)
    own = groups.where(*_valid(partner_id, day), Click.link_id.in_(link_ids))
    found = judge([Group(*row) for row in db.session.execute(own)])
    week = [day - timedelta(days=back) for back in range(WEEK.days)]
    if not found and is_steady(_busiest(partner_id, one) for one in week):
        found.add(fraud.STEADY_BLOCK)
    return found


def sells_nothing(partner_id: str, offer_id: str) -> bool:
    """Whether the clicks credited in 30 days brought no sale where others' clicks bring many."""
    since = clock.now() - SALES_TIME
    own = select(Conversion.id).where(Conversion.partner_id == partner_id, Conversion.recorded_at > since)
    if db.session.scalar(own.limit(1)) is not None:
        return False
    found = (
        select(
            Commission.kind,
            func.sum(case((Commission.partner_id == partner_id, Commission.units), else_=0)),
            func.sum(Commission.units),
        )
        .where(Commission.offer_id == offer_id, Commission.day > clock.day_of(since))
        .group_by(Commission.kind)
    )
    sums = {kind: (int(own), int(units) - int(own)) for kind, own, units in db.session.execute(found)}
    own_clicks, others_clicks = sums.pop("clicks", (0, 0))
    others_sales = sum(others for _, others in sums.values())
    if others_sales < OTHERS_SALES or not others_clicks:
        return False
    return own_clicks * others_sales >= SALES_EXPECTED * others_clicks


def _most(groups: Collection[Group], of: str) -> int:
    counts: Counter[str] = Counter()
    for group in groups:
        if (name := getattr(group, of)) is not None:
            counts[name] += group.clicks
    return max(counts.values(), default=0)


def _at_most(limit: tuple[int, int], clicks: int) -> int:
    floor, percent = limit
    return floor + clicks * percent // 100


def _busiest(partner_id: str, day: date) -> BusiestBlock:
    found = select(Click.block_hash, func.count(Click.id)).where(*_valid(partner_id, day))
    counts = {block: int(clicks) for block, clicks in db.session.execute(found.group_by(Click.block_hash))}
    return BusiestBlock(sum(counts.values()), max((n for block, n in counts.items() if block), default=0))


def _valid(partner_id: str, day: date) -> tuple[ColumnElement[bool], ...]:
    return (
        Click.partner_id == partner_id,
        Click.clicked_at >= clock.start_of(day),
        Click.clicked_at < clock.start_of(day + timedelta(days=1)),
        Click.verdict == links.VALID,
    )
