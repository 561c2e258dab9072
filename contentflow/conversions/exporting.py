"""What a partner's export says of their sales: each with its state, and what it earned."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from contentflow.conversions.models import Conversion, Network
from contentflow.core import clock
from contentflow.core.db import db


def export_conversions(partner_id: str) -> list[dict[str, Any]]:
    found = (
        select(Conversion, Network.name)
        .join(Network, Network.id == Conversion.network_id)
        .where(Conversion.partner_id == partner_id)
        .order_by(Conversion.recorded_at, Conversion.id)
    )
    names = ("id", "transaction", "type", "state", "click_id", "submission_id", "channel", "refunds_id")
    sums = ("amount_cents", "currency", "rate_micros", "euro_cents")
    return [
        {
            **{name: getattr(conversion, name) for name in names + sums},
            "earned_cents": 0 if conversion.state == "rejected" else conversion.earned_cents,
            "network": network,
            "at": clock.iso(conversion.occurred_at),
            "recorded_at": clock.iso(conversion.recorded_at),
        }
        for conversion, network in db.session.execute(found)
    ]
