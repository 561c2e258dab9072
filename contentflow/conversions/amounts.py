"""Amounts from outside: whole minor units and a currency, turned into euro cents. Pure.

``NaN``, infinities, exponents, fractions, negatives and what is not a number are refused as an amount:
money is never a float. Fields that are not ours may hold what they like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qsl, quote

from contentflow.conversions.currencies import MINOR_DIGITS

MAX_MINOR = 10_000_000_000  # 100 million euros: beyond it somebody sent something else than cents.
MAX_AMOUNT_LENGTH = 40
MAX_FIELDS = 100  # Ours are eight; networks add macros of their own.
EURO = "EUR"
MICROS = 1_000_000


class WrongAmount(ValueError):
    """What was sent is no amount, no currency, or no JSON that can hold one."""


class OtherNumber(NamedTuple):
    """A number as it was written that is not whole, or longer than 20 digits: it is never reckoned with."""

    text: str


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object of a body, with or without a byte-order mark; see ``OtherNumber``.

    Raises ``WrongAmount``, also for a key that stands twice: which of the two was meant?
    """
    try:
        found = json.loads(
            body.decode("utf-8-sig"),
            parse_float=OtherNumber,
            parse_constant=_refuse,
            parse_int=lambda text: int(text) if len(text) <= 20 else OtherNumber(text),
            object_pairs_hook=_once_each,
        )
    except WrongAmount:
        raise
    except UnicodeDecodeError as error:
        raise WrongAmount(f"the body is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise WrongAmount(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise WrongAmount("the body is not JSON: it is nested too deep") from None
    if not isinstance(found, dict):
        raise WrongAmount("the body is not a JSON object")
    return found


def read_query(query: bytes) -> dict[str, Any]:
    """Return a query's fields as text.

    Raises ``WrongAmount`` for a key that stands twice, and for bytes that are no UTF-8: read with a
    replacement character, two transactions would become one.
    """
    # What came raw is percent-encoded first, so that each byte is read in one way.
    ascii_only = quote(query, safe="".join(map(chr, range(0x21, 0x7F))))
    try:
        pairs = parse_qsl(ascii_only, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise WrongAmount("the query is not UTF-8") from None
    except ValueError:
        raise WrongAmount(f"the query has more than {MAX_FIELDS} fields") from None
    return _once_each(pairs)


def _refuse(text: str) -> NoReturn:
    raise WrongAmount(f"the body is not JSON: {text} is no number")


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise WrongAmount(f"{twice[:80]} stands twice")
    return found


def minor_units(value: object) -> int:
    """Return an amount in the currency's minor units; text of digits alone is taken too.

    Raises ``WrongAmount`` below 0, over 100 million, and for every other kind of thing.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,11}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongAmount("amount_cents is a whole number of minor units, such as 1250 for 12.50 EUR")
    if not 0 <= value <= MAX_MINOR:
        raise WrongAmount("amount_cents is from 0 to 10000000000")
    return value


def signed_minor(text: str) -> int:
    """Return whole minor units that may be below 0; raises ``WrongAmount``."""
    if not re.fullmatch(r"[-\u2212]?[0-9]{1,11}", text):
        raise WrongAmount("an amount is a whole number of minor units, such as 1250 for 12.50 EUR")
    return _within(int(text.replace("\u2212", "-")))


def decimal_minor(text: str, currency: str) -> int:
    """Return ``12.34``, ``12,34``, ``1 234,56`` or ``1,234.56`` in the currency's minor units, below 0 too.

    Exact by ISO 4217, or refused: more decimals than the currency has (zeros at the end are none), an
    exponent, and what can be read in two ways, as ``1,234`` euros. Raises ``WrongAmount``.
    """
    found = re.fullmatch(r"([-\u2212+]?)([0-9][0-9.,'\u2019 \u00a0\u202f\u2009]*)", text)
    if found is None or len(text) > MAX_AMOUNT_LENGTH:
        raise WrongAmount("an amount is a number such as 12.34")
    digits = MINOR_DIGITS[currency]
    whole, decimals = _decimal_parts(
        re.sub(r"[\u2019\u00a0\u202f\u2009]", lambda found: "'" if found[0] == "\u2019" else " ", found[2]),
        digits,
    )
    decimals = decimals.rstrip("0")
    if len(decimals) > digits:
        raise WrongAmount(f"{currency} has {digits} decimals")
    minor = int(whole + decimals.ljust(digits, "0"))
    return _within(-minor if found[1] in ("-", "\u2212") else minor)


def _decimal_parts(text: str, digits: int) -> tuple[str, str]:
    """Cut a number into its whole part, without separators of thousands, and its decimals."""
    marks = re.findall(r"[.,' ]", text)
    if not marks:
        return text, ""
    last = marks[-1]
    whole, _, decimals = text.rpartition(last)
    is_only = len(set(marks)) == 1
    if last in "' " or (is_only and len(marks) > 1):
        return _grouped(text, last), ""
    if not is_only:
        group = marks[0]
        if marks.count(last) > 1 or set(marks[:-1]) != {group}:
            raise WrongAmount("an amount is a number such as 12.34")
        return _grouped(whole, group), decimals
    if len(decimals) == 3 and re.fullmatch(r"[1-9][0-9]{0,2}", whole):
        # One mark and three digits: thousands, or three decimals?
        if digits == 0 and last == ",":
            return whole + decimals, ""
        if not (digits == 3 and last == "."):
            raise WrongAmount(f"{text} can be read in two ways: write it with two decimals")
    if not decimals:
        raise WrongAmount("an amount is a number such as 12.34")
    return whole, decimals


def _grouped(text: str, mark: str) -> str:
    if not re.fullmatch(rf"[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+", text):
        raise WrongAmount("thousands come in threes, as in 1 234,56")
    return text.replace(mark, "")


def _within(minor: int) -> int:
    if abs(minor) > MAX_MINOR:
        raise WrongAmount("an amount is at most 100 million")
    return minor


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
