"""What looks wrong is held, never refused: an operator looks at it and lets it go.

Each rule has a reason. Of the clicks it knows hashes only, whose keys are destroyed within two days.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import aliased

from contentflow.conversions.attribution import Origin
from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.db import db, listed, written_time

BURST: Final = "burst"
SELF_CLICK: Final = "self_click"
ROBOT: Final = "robot"
NETWORK_BLOCK: Final = "network_block"
REFUND_RATIO: Final = "refund_ratio"
STEADY_BLOCK: Final = "steady_block"
REPEATED: Final = "repeated"
NO_SALES: Final = "no_sales"

BURST_CONVERSIONS = 10  # on one link
BURST_TIME = timedelta(minutes=10)
BLOCK_CONVERSIONS = 5  # of one partner's, out of one block of addresses, in one day
BLOCK_TIME = timedelta(days=1)
RATIO_CONVERSIONS = 10  # fewer say nothing
RATIO_PERCENT = 30
RATIO_TIME = timedelta(days=90)

_OF_VERDICT = {"self": SELF_CLICK, "fraud": BURST, "bot": ROBOT, "preview_bot": ROBOT, "prefetch": ROBOT}


def reasons(origin: Origin, occurred_at: datetime) -> set[str]:
    """Return why a conversion, which is recorded already, is held; empty when nothing looks wrong.

    ``occurred_at`` is when it happened: a network that reports its whole day at once makes no burst.
    """
    sold, own = Conversion.type != "refund", Conversion.partner_id == origin.partner_id
    burst = Conversion.occurred_at.between(occurred_at - BURST_TIME, occurred_at)
    of_day = Conversion.occurred_at.between(occurred_at - BLOCK_TIME, occurred_at)
    of_link = _count(sold, burst, Conversion.link_id == origin.link_id)
    of_block = (
        _count(own, sold, of_day, Conversion.block_hash == origin.block_hash) if origin.block_hash else 0
    )
    return _judged(origin, of_link, of_block, is_refunded_often(origin.partner_id))


def reasons_of_many(sales: Sequence[tuple[Origin, datetime]]) -> list[set[str]]:
    """Return the ``reasons`` of each sale, as if they were recorded in this order; none of them is yet."""
    links, blocks = _Times(), _Times()
    ratios = _refunds({origin.partner_id for origin, _ in sales})
    found = []
    for (origin, at), (of_link, of_block) in zip(sales, _earlier(sales), strict=True):
        of_link += links.count(origin.link_id, at - BURST_TIME, at)
        if origin.block_hash:
            of_block += blocks.count(f"{origin.partner_id}/{origin.block_hash}", at - BLOCK_TIME, at)
        made, refunded = ratios.get(origin.partner_id, (0, 0))
        ratios[origin.partner_id] = made + 1, refunded
        found.append(_judged(origin, of_link, of_block, _is_often(made + 1, refunded)))
    return found


class _Times:
    """When something happened, by key: each is counted with those that were counted before it."""

    def __init__(self) -> None:
        self._of: defaultdict[str, list[datetime]] = defaultdict(list)

    def count(self, key: str, since: datetime, until: datetime) -> int:
        insort(self._of[key], until)
        return bisect_right(self._of[key], until) - bisect_left(self._of[key], since)


_EARLIER = """
    SELECT
        (SELECT count(*) FROM (
            SELECT 1 FROM conversions WHERE link_id = listed.link_id AND type <> 'refund'
            AND at BETWEEN listed.burst_since AND listed.until LIMIT {burst}) AS of_link),
        (SELECT count(*) FROM (
            SELECT 1 FROM conversions WHERE partner_id = listed.partner_id AND block_hash = listed.block_hash
            AND type <> 'refund' AND at BETWEEN listed.day_since AND listed.until LIMIT {block}) AS of_block)
    FROM {listed} ORDER BY listed.number
"""


def _earlier(sales: Sequence[tuple[Origin, datetime]]) -> list[tuple[int, int]]:
    """Return how many of a sale's link and block are recorded already, counted as far as it matters."""
    dialect = db.session.connection().dialect.name
    rows = [
        {
            "number": number,
            "link_id": origin.link_id,
            "partner_id": origin.partner_id,
            "block_hash": origin.block_hash,
            "burst_since": written_time(dialect, at - BURST_TIME),
            "day_since": written_time(dialect, at - BLOCK_TIME),
            "until": written_time(dialect, at),
        }
        for number, (origin, at) in enumerate(sales)
    ]
    moments = dict.fromkeys(("burst_since", "day_since", "until"), "timestamptz")
    columns = {"number": "int", "link_id": "text", "partner_id": "text", "block_hash": "text"} | moments
    source = listed(dialect, columns)
    statement = _EARLIER.format(burst=BURST_CONVERSIONS + 1, block=BLOCK_CONVERSIONS, listed=source)
    found = db.session.execute(text(statement), {"rows": json.dumps(rows)})
    return [(of_link, of_block) for of_link, of_block in found]


def _judged(origin: Origin, of_link: int, of_block: int, is_refunded: bool) -> set[str]:
    found = {
        _OF_VERDICT.get(origin.verdict, ""),
        BURST if of_link > BURST_CONVERSIONS else "",
        NETWORK_BLOCK if origin.block_hash and of_block >= BLOCK_CONVERSIONS else "",
        REFUND_RATIO if is_refunded else "",
    }
    return found - {""}


def is_refunded_often(partner_id: str) -> bool:
    """Whether more than 30 % of the partner's conversions of 90 days were refunded, wholly or in part."""
    return _is_often(*_refunds([partner_id]).get(partner_id, (0, 0)))


def _refunds(partner_ids: Collection[str]) -> dict[str, tuple[int, int]]:
    """Return how many conversions of 90 days each has, and how many were refunded; without whom has few."""
    recent = Conversion.recorded_at > clock.now() - RATIO_TIME
    sale, of = aliased(Conversion), Conversion.partner_id
    refunded = (
        select(of, func.count(sale.id.distinct()))
        .join(sale, sale.id == Conversion.refunds_id)
        .where(Conversion.refunds_id.is_not(None), of.in_(partner_ids))
        .where(sale.recorded_at > clock.now() - RATIO_TIME)
        .group_by(of)
        .having(func.count(sale.id.distinct()) * 100 > RATIO_CONVERSIONS * RATIO_PERCENT)
    )
    refunds: dict[str, int] = {str(partner_id): count for partner_id, count in db.session.execute(refunded)}
    if not refunds:
        return {}
    made = select(of, func.count()).where(of.in_(refunds), recent, Conversion.type != "refund").group_by(of)
    return {str(one): (count, refunds[str(one)]) for one, count in db.session.execute(made)}


def _is_often(made: int, refunded: int) -> bool:
    return made >= RATIO_CONVERSIONS and refunded * 100 > made * RATIO_PERCENT


def _count(*where: object) -> int:
    return int(db.session.scalar(select(func.count(Conversion.id)).where(*where)) or 0)  # type: ignore[arg-type]
