"""What stands in the cells of a network's statement, written as a report writes it. Pure.

Spreadsheets and exports dress what a postback sends bare: ``="0012"`` keeps zeros, ``1.23457E+11`` lost its
digits, ``(12.50)`` is below 0, ``12,50 €`` names its currency, ``03/10/2026`` may be March or October.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from contentflow.conversions.currencies import MINOR_DIGITS

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "janv"),
            ("feb", "févr", "fev"),
            ("mar", "mars"),
            ("apr", "avr"),
            ("may", "mai"),
            ("jun", "juin"),
            ("jul", "juil"),
            ("aug", "août", "aout"),
            ("sep", "sept"),
            ("oct",),
            ("nov",),
            ("dec", "déc"),
        ),
        1,
    )
    for name in names
}
_FORCED_TEXT = re.compile(r'="([^"]*)"')
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{2,}")
_SIGNS: Final = {"€": "EUR", "£": "GBP", "US$": "USD"}
_MONEY = r"[A-Z]{3}|€|£|US\$|\$"
_DRESSED = re.compile(
    rf"(?P<sign>[-−+])?\s*(?P<before>{_MONEY})?\s*(?P<open>\()?(?P<inner>[-−+])?\s*"
    rf"(?P<begin>{_MONEY})?\s*(?P<number>[0-9][0-9.,'’\s]*?)\s*(?P<within>{_MONEY})?(?(open)\))\s*(?P<after>{_MONEY})?"
)
_TOTAL = re.compile(
    r"(?:(?:grand|sub|sous)?[\s-]*(?:tota(?:l|ls|ux)|somme|sum|summe|gesamt))\b.*", re.IGNORECASE
)
_TIME = (
    r"(?:,?[T\s]\s*(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?)"
    r"\s*(?P<half>[AaPp])?\.?(?(half)[Mm]\.?))?"
)
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|CET|CEST|[+-][0-9]{2}:?[0-9]{2})?"
_OFFSETS: Final = {"Z": "+00:00", "UTC": "+00:00", "GMT": "+00:00", "CET": "+01:00", "CEST": "+02:00"}
_YEAR_FIRST = re.compile(
    rf"(?P<year>[0-9]{{4}})[/.-](?P<month>[0-9]{{1,2}})[/.-](?P<day>[0-9]{{1,2}}){_TIME}{_ZONE}"
)
_YEAR_LAST = re.compile(
    rf"(?P<one>[0-9]{{1,2}})[/.-](?P<two>[0-9]{{1,2}})[/.-](?P<year>[0-9]{{4}}){_TIME}{_ZONE}"
)
_DAY_NAMED = re.compile(
    rf"(?P<day>[0-9]{{1,2}})[\s-](?P<name>[^\W\d]{{3,}})\.?,?[\s-](?P<year>[0-9]{{4}}){_TIME}{_ZONE}"
)
_NAMED_DAY = re.compile(
    rf"(?P<name>[^\W\d]{{3,}})\.?\s(?P<day>[0-9]{{1,2}}),?\s(?P<year>[0-9]{{4}}){_TIME}{_ZONE}"
)


def bare(cell: str) -> str:
    """Return a cell without the ``="…"`` by which an export keeps a spreadsheet from reckoning with it."""
    found = _FORCED_TEXT.fullmatch(cell)
    return found[1].strip() if found else cell


def is_rounded(cell: str) -> bool:
    """Whether a spreadsheet wrote a long number as ``1.23457E+11``: its last digits are lost."""
    return _ROUNDED.fullmatch(cell) is not None


def is_total(cell: str) -> bool:
    """Whether a cell is the word before a sum, as “Total”, “Sous-total”, “Grand total EUR”."""
    return _TOTAL.fullmatch(cell) is not None


def undressed_amount(cell: str) -> tuple[str, str]:
    """Return ``("-12.50", "EUR")`` for ``(12.50 €)``: the number, and its currency, "" where none is named.

    A dollar sign alone names none, since many currencies have it; what is no amount comes back as it is.
    """
    found = _DRESSED.fullmatch(cell)
    if found is None:
        return cell, ""
    named = {_SIGNS.get(sign, sign) for sign in found.group("before", "begin", "within", "after") if sign}
    minuses = [sign for sign in found.group("sign", "inner", "open") if sign]
    if len(named) > 1 or not named <= {"$", *MINOR_DIGITS} or len(minuses) > 1:
        return cell, ""
    below = bool(minuses) and minuses[0] != "+"
    return f"{'-' if below else ''}{found['number']}", "".join(named - {"$"})


def is_day_first(cells: Iterable[str]) -> bool | None:
    """Return whether ``03/10/2026`` is a day of October in a file: the days over 12 tell.

    None where none tells, and where they contradict one another.
    """
    firsts, seconds = set[bool](), set[bool]()
    for cell in cells:
        found = _YEAR_LAST.fullmatch(cell)
        if found:
            firsts.add(int(found["one"]) > 12)
            seconds.add(int(found["two"]) > 12)
    first, second = True in firsts, True in seconds
    return first if first != second else None


def is_of_two_readings(cell: str) -> bool:
    """Whether only ``is_day_first`` says which of a date's numbers is the month."""
    found = _YEAR_LAST.fullmatch(cell)
    return (
        found is not None
        and int(found["one"]) <= 12
        and int(found["two"]) <= 12
        and found["one"] != found["two"]
    )


def iso_moment(cell: str, day_first: bool | None) -> str:
    """Return a time as ISO 8601, without a zone where the cell has none.

    What is no date, and what is a number of seconds, comes back as it is.
    """
    for form in (_YEAR_FIRST, _YEAR_LAST, _DAY_NAMED, _NAMED_DAY):
        found = form.fullmatch(cell)
        if found:
            break
    else:
        return cell
    parts = found.groupdict()
    if "one" in parts:
        one, two = int(parts["one"]), int(parts["two"])
        day, month = (one, two) if (one > 12 or day_first) and two <= 12 else (two, one)
    else:
        day = int(parts["day"])
        month = int(
            parts.get("month")
            or next((n for short, n in MONTHS.items() if parts["name"].casefold().startswith(short)), 0)
        )
    try:
        hour, minute, second = [
            int(float(part.replace(",", "."))) for part in f"{parts['time'] or '0:0'}:0".split(":")[:3]
        ]
        if parts["half"]:
            if not 1 <= hour <= 12:
                raise ValueError("a half day has twelve hours")
            hour = hour % 12 + (12 if parts["half"] in "Pp" else 0)
        moment = datetime(int(parts["year"]), month, day, hour, minute, second)
    except ValueError:
        return cell
    zone = parts["zone"] or ""
    return f"{moment.isoformat()}{_OFFSETS.get(zone, zone)}"
