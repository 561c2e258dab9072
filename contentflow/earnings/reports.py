"""What a network reports, read strictly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contentflow.earnings import amounts
from contentflow.earnings.amounts import EURO, WrongAmount
from contentflow.earnings.refusals import WrongReport

TYPES = ("sale", "lead", "refund")
LONGEST_AGO = timedelta(days=3_650)
CLOCK_SKEW = timedelta(days=1)
REPLACEMENT = "\ufffd"


@dataclass(frozen=True)
class Report:
    """``refund_of`` is the transaction that a refund gives back, by default its own; else ""."""

    transaction: str
    type: str
    click_id: str
    amount_cents: int
    currency: str
    at: datetime
    refund_of: str

    def is_same(self, amount_cents: int, currency: str, click_id: str, refund_of: str) -> bool:
        own = (self.amount_cents, self.currency, self.click_id, self.refund_of)
        return own == (amount_cents, currency, click_id.strip(), refund_of)


def read_report(fields: Mapping[str, object], now: datetime) -> Report:
    """Raises ``WrongReport``, which names the field."""
    kind = _line(fields, "type", 8)
    if kind not in TYPES:
        raise WrongReport("type is sale, lead or refund")
    transaction = _transaction(fields, "transaction")
    try:
        amount, currency = _amount(fields, kind)
    except WrongAmount as error:
        raise WrongReport(str(error)) from None
    return Report(
        transaction=transaction,
        type=kind,
        click_id=_click_id(fields),
        amount_cents=amount,
        currency=currency,
        at=_moment(fields.get("at"), now),
        refund_of=_refund_of(fields, transaction) if kind == "refund" else "",
    )


def _refund_of(fields: Mapping[str, object], transaction: str) -> str:
    return _transaction(fields, "refund_of", optional=True) or transaction


def _transaction(fields: Mapping[str, object], name: str, optional: bool = False) -> str:
    found = _line(fields, name, 128, optional)
    if REPLACEMENT in found:  # Two that were distinct may look alike now.
        raise WrongReport(f"{name} holds U+FFFD: letters were lost before it was sent")
    return found


def _click_id(fields: Mapping[str, object]) -> str:
    """Blanks around it are the template's, not the click's."""
    value = fields.get("click_id")
    trimmed = value.strip() if isinstance(value, str) else value
    return _line({"click_id": trimmed}, "click_id", 64, optional=True)


def _amount(fields: Mapping[str, object], kind: str) -> tuple[int, str]:
    # Many leads have no price: they earn the offer's fixed commission.
    is_free = kind == "lead" and fields.get("amount_cents") is None
    amount = 0 if is_free else amounts.minor_units(fields.get("amount_cents"))
    currency = EURO if is_free and fields.get("currency") is None else fields.get("currency")
    return amount, amounts.currency_code(currency)


def _line(fields: Mapping[str, object], name: str, most: int, optional: bool = False) -> str:
    value = fields.get(name)
    if optional and value in (None, ""):
        return ""
    if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
        raise WrongReport(f"{name} is a text of 1 to {most} printable characters")
    return value


def _moment(value: object, now: datetime) -> datetime:
    if value in (None, ""):
        return now
    at = _parse(value)
    if at is None or not now - LONGEST_AGO <= at <= now + CLOCK_SKEW:
        raise WrongReport("at is ISO 8601 with a zone, or Unix seconds, not in the future")
    return at


def _parse(value: object) -> datetime | None:
    try:
        if isinstance(value, str) and not value.isdigit():
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo is not None else None
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
