"""What a signed refund must be: in the sale's currency, and of no more than is left of it."""

from __future__ import annotations

from contentflow.conversions import settling
from contentflow.conversions.errors import InvalidPayload
from contentflow.conversions.models import Conversion


def check(amount: int, currency: str, sale: Conversion) -> None:
    """Raises ``InvalidPayload`` for another currency, and for more than is left of the sale.

    A lead without a price is refunded by an amount of 0, once.
    """
    if currency != sale.currency:
        raise InvalidPayload(f"the sale was in {sale.currency}")
    standing = [one.amount_cents for one in settling.refunds_of(sale) if one.state != "rejected"]
    left = sale.amount_cents - sum(standing)
    is_gone = left <= 0 and bool(standing)
    if amount > left or (amount == 0 and left > 0) or is_gone:
        raise InvalidPayload(f"{max(left, 0)} is left of the sale")
