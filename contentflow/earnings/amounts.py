"""Amounts from outside: whole minor units and a currency, turned into euro cents. Pure.

``NaN``, infinities, exponents, fractions, negatives and what is not a number are refused: money is
never a float.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from contentflow.earnings.currencies import MINOR_DIGITS

MOST_MINOR = 10_000_000_000  # 100 million euros: beyond it somebody sent something else than cents.
MOST_FIELDS = 100
EURO = "EUR"
MICROS = 1_000_000


class WrongAmount(ValueError):
    """What was sent is no amount, no currency, or no JSON that can hold one."""


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object of a body; numbers that are not whole never become one.

    Raises ``WrongAmount``, also for a key that stands twice: which of the two was meant?
    """
    try:
        found = json.loads(
            body.decode("utf-8"),
            parse_float=_refuse,
            parse_constant=_refuse,
            parse_int=_whole,
            object_pairs_hook=_once_each,
        )
    except (ValueError, RecursionError) as error:
        raise WrongAmount(str(error) if isinstance(error, WrongAmount) else "not JSON") from None
    if not isinstance(found, dict):
        raise WrongAmount("not a JSON object")
    return found


def read_query(query: str) -> dict[str, Any]:
    """Return a query's fields as text; raises ``WrongAmount`` for a key that stands twice."""
    try:
        return _once_each(parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise WrongAmount(str(error) if isinstance(error, WrongAmount) else "too many fields") from None


def _refuse(text: str) -> NoReturn:
    raise WrongAmount(f"{text[:20]} is not a whole number")


def _whole(text: str) -> int:
    if len(text) > 20:
        raise WrongAmount("a number of more than 20 digits")
    return int(text)


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WrongAmount("a key stands twice")
    return found


def minor_units(value: object) -> int:
    """Return an amount in the currency's minor units; text of digits alone is taken too.

    Raises ``WrongAmount`` below 0, over 100 million, and for every other kind of thing.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,11}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongAmount("amount_cents is a whole number of minor units")
    if not 0 <= value <= MOST_MINOR:
        raise WrongAmount("amount_cents is from 0 to 10000000000")
    return value


def currency_code(value: object) -> str:
    """Return an ISO 4217 code; raises ``WrongAmount`` for one that does not exist."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value):
        raise WrongAmount("currency is three capital letters")
    if value not in MINOR_DIGITS:
        raise WrongAmount("currency is unknown")
    return value


def rate_micros(text: str) -> int:
    """Return ``0.92`` (euros for one unit) as millionths: 920000."""
    try:
        rate = Decimal(text.strip()) * MICROS
    except InvalidOperation:
        raise WrongAmount("a rate is a number such as 0.92") from None
    if not rate.is_finite() or rate != rate.to_integral_value() or not 0 < rate <= 1_000 * MICROS:
        raise WrongAmount("a rate is from 0.000001 to 1000, with at most six decimals")
    return int(rate)


def euro_cents(minor: int, currency: str, micros: int) -> int:
    """Return euro cents, rounded down. Minor units differ: 100 yen are 100, 100 cents are 1 dollar."""
    if currency == EURO:
        return minor
    units: int = 10 ** MINOR_DIGITS[currency]
    return minor * micros * 100 // (MICROS * units)
