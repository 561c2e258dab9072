"""A network's own fields become a report: which field is which, how amounts, times, states are written. Pure.

A mapping is a dict of texts, as ``network map NAME KEY=VALUE …`` keeps it:

- ``transaction click_id amount currency status at changed_at refund_of type`` name the network's fields;
- ``fixed.currency`` and ``fixed.type`` stand for a field that it has not;
- ``amount_form``: ``decimal`` or ``minor``; ``negative=refund``: an amount below 0 is a refund;
- ``zone``: of times that come without one; ``pending approved rejected``: its words, with commas between;
- ``approval``: what a new sale is whose report names no state, ``at_once`` approved, ``report`` pending;
- ``json_field``: the form field in which the report stands as JSON.

A nested JSON report is read flat: ``a.b`` is the field ``b`` of the object ``a``, ``a.0`` a list's first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from contentflow.conversions import amounts
from contentflow.conversions.amounts import EURO, WrongAmount
from contentflow.conversions.errors import InvalidPayload, WrongMapping

TYPES: Final = ("sale", "lead", "refund")
STATES: Final = ("pending", "approved", "rejected")
FIELDS: Final = (
    *("transaction", "click_id", "amount", "currency", "status"),
    *("at", "changed_at", "refund_of", "type"),
)
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "amount_form": ("decimal", "minor"),
    "approval": ("at_once", "report"),
    "negative": ("refund",),
    "fixed.type": TYPES,
}
KEYS: Final = (*FIELDS, *STATES, *CHOICES, "fixed.currency", "zone", "json_field")
MAX_VALUE = 255  # of a mapping's line
MAX_TRANSACTION = 128  # Room for every network's own numbering; the column's width.
MAX_CLICK_ID = 64  # Ours have 22; a network's own id in this field is kept as it came.
MAX_AGO = timedelta(days=3_650)  # As long as conversions are kept: an older one would go at once.
CLOCK_SKEW = timedelta(days=1)  # A network that sends local time as UTC is at most this far ahead.
REPLACEMENT: Final = "\ufffd"
_NAME = r"[A-Za-z_][\w .:-]*"
# Whole values that no template engine filled in: {x} {{x}} ${x} !!!x!!! #x# [x] [[x]] <x> %x% $x$ @x@.
_MACRO = re.compile(
    rf".*(\{{\{{?{_NAME}\}}|!!!{_NAME}!!!).*|#{_NAME}#(#{_NAME}#)*|\[\[?=?{_NAME}\]\]?|<{_NAME}>|([%$@]){_NAME}\3",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a network says of one transaction.

    ``amount`` is minor units of ``currency``, None where the report names none; ``state`` is None where it
    says nothing of it, and a new one is then ``first_state``. ``at`` is the sale's time, ``changed_at``
    that of this word, None where the network has none. ``refund_of`` is the transaction that a refund gives
    back, by default its own; else "".
    """

    transaction: str
    type: str
    click_id: str
    amount: int | None
    currency: str
    at: datetime
    state: str | None = None
    first_state: str = "approved"
    changed_at: datetime | None = None
    refund_of: str = ""


def check_mapping(lines: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping whose every line can be read, its words as they came; raises ``WrongMapping``."""
    for key, value in lines.items():
        if key not in KEYS:
            raise WrongMapping(key)
        choices = CHOICES.get(key)
        if not 1 <= len(value) <= MAX_VALUE or not value.isprintable() or (choices and value not in choices):
            raise WrongMapping(f"{key}={value}")
    try:
        amounts.currency_code(lines.get("fixed.currency", EURO))
        ZoneInfo(lines.get("zone", "UTC"))
    except WrongAmount:
        raise WrongMapping("fixed.currency") from None
    except (ValueError, KeyError, OSError):
        raise WrongMapping("zone") from None
    if "transaction" not in lines:
        raise WrongMapping("transaction")
    words = [word for state in STATES for word in _words(lines, state)]
    if len(words) != len(set(words)):
        raise WrongMapping("pending, approved, rejected")
    return dict(lines)


def read_report(lines: Mapping[str, str], fields: Mapping[str, str], now: datetime) -> Report:
    """Read a network's own fields by its mapping. Raises ``InvalidPayload``, which names the field."""
    reader = _Reader(lines, fields)
    transaction = reader.text("transaction", MAX_TRANSACTION)
    refund_of = reader.optional("refund_of", MAX_TRANSACTION)
    state = _state(reader)
    currency = _currency(reader)
    amount, is_negative = _amount(reader, currency)
    kind = _type(reader, refund_of, is_negative)
    if amount is None and kind != "lead" and state != "rejected":
        raise InvalidPayload(f"{reader.name('amount')} is missing")
    click_id = plain(reader.optional("click_id", MAX_VALUE))  # As it was before it was percent-encoded.
    if len(click_id) > MAX_CLICK_ID or not click_id.isprintable():
        raise InvalidPayload(
            f"{reader.name('click_id')} is a text of 1 to {MAX_CLICK_ID} printable characters"
        )
    return Report(
        transaction=transaction,
        type=kind,
        click_id=click_id,
        amount=amount,
        currency=currency,
        state=state,
        first_state="pending" if lines.get("approval") == "report" else "approved",
        at=_moment(reader, "at", now) or now,
        changed_at=_moment(reader, "changed_at", now),
        refund_of=(refund_of or transaction) if kind == "refund" else "",
    )


class _Reader:
    """The fields of one report by their meaning; every refusal names the network's own field."""

    def __init__(self, lines: Mapping[str, str], fields: Mapping[str, str]) -> None:
        self.lines, self.fields = lines, fields

    def name(self, key: str) -> str:
        return self.lines.get(key, key)

    def value(self, key: str) -> str:
        """Return a field without the blanks around it, "" where there is none."""
        if key not in self.lines:
            return ""
        value = self.fields.get(self.lines[key], "").strip()
        if is_macro(value):
            raise InvalidPayload(f"{self.name(key)} was not filled in: {value[:80]}")
        return value

    def optional(self, key: str, max_length: int) -> str:
        value = self.value(key)
        if len(value) > max_length or not value.isprintable():
            raise InvalidPayload(f"{self.name(key)} is a text of 1 to {max_length} printable characters")
        if REPLACEMENT in value:  # Two that were distinct may look alike now.
            raise InvalidPayload(f"{self.name(key)} holds U+FFFD: letters were lost before it was sent")
        return value

    def text(self, key: str, max_length: int) -> str:
        value = self.optional(key, max_length)
        if not value:
            raise InvalidPayload(f"{self.name(key)} is missing")
        return value


def plain(text: str) -> str:
    """Return what was written before somebody percent-encoded it, once or more often."""
    for _ in range(3):
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return text.strip()


def is_macro(value: str) -> bool:
    """Whether a value is, or holds, a placeholder that was not filled in, percent-encoded or not."""
    for _ in range(3):
        if _MACRO.fullmatch(value):
            return True
        value = unquote(value)
    return False


def _words(lines: Mapping[str, str], state: str) -> list[str]:
    return [word.strip().casefold() for word in lines.get(state, state).split(",")]


def _state(reader: _Reader) -> str | None:
    said = reader.value("status").casefold()
    if not said:
        return None
    for state in STATES:
        if said in _words(reader.lines, state):
            return state
    raise InvalidPayload(f"{reader.name('status')} is none of the network's words: {said[:40]!r}")


def _currency(reader: _Reader) -> str:
    said = reader.value("currency") or reader.lines.get("fixed.currency", "")
    if not said:
        raise InvalidPayload(f"{reader.name('currency')} is missing")
    try:
        return amounts.currency_code(said.upper())
    except WrongAmount as error:
        raise InvalidPayload(f"{reader.name('currency')}: {error}") from None


def _amount(reader: _Reader, currency: str) -> tuple[int | None, bool]:
    """Return minor units without their sign, and whether they were below 0."""
    said = reader.value("amount")
    if not said:
        return None, False
    try:
        if reader.lines.get("amount_form") == "minor":
            found = amounts.signed_minor(said)
        else:
            found = amounts.decimal_minor(said, currency)
    except WrongAmount as error:
        raise InvalidPayload(f"{reader.name('amount')}: {error}") from None
    return abs(found), found < 0


def _type(reader: _Reader, refund_of: str, is_negative: bool) -> str:
    kind = reader.value("type").casefold() or reader.lines.get("fixed.type", "")
    if kind and kind not in TYPES:
        raise InvalidPayload(f"{reader.name('type')} is sale, lead or refund, and not {kind[:40]!r}")
    may_refund = kind == "refund" or bool(refund_of) or "negative" in reader.lines
    if is_negative and not may_refund:
        raise InvalidPayload(f"{reader.name('amount')} is below 0: only a refund may be")
    if is_negative or (refund_of and "type" not in reader.lines):
        return "refund"
    return kind or "sale"


def _moment(reader: _Reader, key: str, now: datetime) -> datetime | None:
    said = reader.value(key)
    if not said:
        return None
    moment = parse_moment(said, reader.lines.get("zone"))
    if moment is None or not now - MAX_AGO <= moment <= now + CLOCK_SKEW:
        raise InvalidPayload(
            f"{reader.name(key)} is ISO 8601, or Unix seconds, with a zone of its own or of the mapping, "
            "not in the future"
        )
    return moment


def parse_moment(said: str, zone: str | None) -> datetime | None:
    """Return a time in UTC: ISO 8601, or Unix seconds or milliseconds; ``zone`` is of those without one."""
    try:
        if re.fullmatch(r"[0-9]{9,10}(\.0+)?", said):
            return datetime.fromtimestamp(int(said.partition(".")[0]), UTC)
        if re.fullmatch(r"[0-9]{12,13}", said):
            return datetime.fromtimestamp(int(said) // 1000, UTC)
        # A plus that nobody encoded comes out of a query as a blank.
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", said) if "T" in said else said)
        if moment.tzinfo is None:
            if zone is None:
                return None
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
