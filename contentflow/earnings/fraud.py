"""What looks wrong is held, never refused: an operator looks at it and lets it go.

Each rule has a reason. Of the clicks it knows hashes only, whose keys are destroyed within two days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.earnings.attribution import Origin
from contentflow.earnings.models import Conversion

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


def reasons(origin: Origin, at: datetime) -> set[str]:
    """Return why a conversion, which is recorded already, is held; empty when nothing looks wrong.

    ``at`` is when it happened: a network that reports its whole day at once makes no burst.
    """
    found = {
        _OF_VERDICT.get(origin.verdict, ""),
        BURST if _on_link(origin, at) > BURST_CONVERSIONS else "",
        NETWORK_BLOCK if _in_block(origin, at) >= BLOCK_CONVERSIONS else "",
        REFUND_RATIO if is_refunded_often(origin.partner_id) else "",
    }
    return found - {""}


def _on_link(origin: Origin, at: datetime) -> int:
    recent = Conversion.at.between(at - BURST_TIME, at)
    return _count(Conversion.link_id == origin.link_id, recent, Conversion.type != "refund")


def _in_block(origin: Origin, at: datetime) -> int:
    if origin.block_hash is None:
        return 0
    recent = Conversion.at.between(at - BLOCK_TIME, at)
    own = Conversion.partner_id == origin.partner_id
    return _count(own, recent, Conversion.block_hash == origin.block_hash, Conversion.type != "refund")


def is_refunded_often(partner_id: str) -> bool:
    """Whether more than 30 % of the partner's conversions of 90 days were refunded, wholly or in part."""
    recent = Conversion.recorded_at > clock.now() - RATIO_TIME
    own = (Conversion.partner_id == partner_id, recent, Conversion.type != "refund")
    refund = aliased(Conversion)
    refunded = _count(*own, exists().where(refund.refunds_id == Conversion.id))
    made = _count(*own)
    return made >= RATIO_CONVERSIONS and refunded * 100 > made * RATIO_PERCENT


def _count(*where: object) -> int:
    return int(db.session.scalar(select(func.count(Conversion.id)).where(*where)) or 0)  # type: ignore[arg-type]
