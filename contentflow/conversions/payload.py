"""A signed postback's payload, read strictly: what a network reports of one transaction. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contentflow.conversions import amounts
from contentflow.conversions.amounts import EURO, WrongAmount
from contentflow.conversions.errors import InvalidPayload
from contentflow.conversions.mapping import (
    CLOCK_SKEW,
    MAX_AGO,
    MAX_CLICK_ID,
    MAX_TRANSACTION,
    REPLACEMENT,
    STATES,
    TYPES,
    Report,
    parse_moment,
)


def read_payload(fields: Mapping[str, object], now: datetime) -> Report:
    """Raises ``InvalidPayload``, which names the field."""
    kind = _line(fields, "type", 8)
    if kind not in TYPES:
        raise InvalidPayload("type is sale, lead or refund")
    state = _line(fields, "state", 8, optional=True)
    if state and state not in STATES:
        raise InvalidPayload("state is pending, approved or rejected")
    transaction = _transaction(fields, "transaction")
    refund_of = (_transaction(fields, "refund_of", optional=True) or transaction) if kind == "refund" else ""
    try:
        # Many leads have no price: they earn the offer's fixed commission.
        is_free = kind == "lead" and fields.get("amount_cents") is None
        amount = 0 if is_free else amounts.minor_units(fields.get("amount_cents"))
        said = EURO if is_free and fields.get("currency") is None else fields.get("currency")
        currency = amounts.currency_code(said)
    except WrongAmount as error:
        raise InvalidPayload(str(error)) from None
    return Report(
        transaction=transaction,
        type=kind,
        click_id=_line(fields, "click_id", MAX_CLICK_ID, optional=True),
        amount=amount,
        currency=currency,
        state=state or None,
        at=_moment(fields, "at", now) or now,
        changed_at=_moment(fields, "changed_at", now),
        refund_of=refund_of,
    )


def _transaction(fields: Mapping[str, object], name: str, optional: bool = False) -> str:
    found = _line(fields, name, MAX_TRANSACTION, optional)
    if REPLACEMENT in found:  # Two that were distinct may look alike now.
        raise InvalidPayload(f"{name} holds U+FFFD: letters were lost before it was sent")
    return found


def _line(fields: Mapping[str, object], name: str, max_length: int, optional: bool = False) -> str:
    value = fields.get(name)
    if isinstance(value, str):
        value = value.strip()  # Blanks around it are the template's, not the transaction's.
    if optional and value in (None, ""):
        return ""
    if not isinstance(value, str) or not 1 <= len(value) <= max_length or not value.isprintable():
        raise InvalidPayload(f"{name} is a text of 1 to {max_length} printable characters")
    return value


def _moment(fields: Mapping[str, object], name: str, now: datetime) -> datetime | None:
    value = fields.get(name)
    if value in (None, ""):
        return None
    is_text = isinstance(value, (str, int)) and not isinstance(value, bool)
    moment = parse_moment(str(value), None) if is_text else None
    if moment is None or not now - MAX_AGO <= moment <= now + CLOCK_SKEW:
        raise InvalidPayload(f"{name} is ISO 8601 with a zone, or Unix seconds, not in the future")
    return moment
