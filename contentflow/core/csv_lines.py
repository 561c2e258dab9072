"""CSV for spreadsheets and for machines: RFC 4180, and no cell that a spreadsheet would run. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from contentflow.core import clock

BOM = "\ufeff"
_RUN = ("=", "+", "-", "@", "\t", "\r")
_AFTER_SEPARATOR = re.compile(r"([;,]\s*)(?=[=+\-@\t\r])")
_FIGURE = re.compile(r"-?[0-9]+([.,][0-9]+)?")


class Dialect(NamedTuple):
    """How a file is written. ``moments`` is a format of ``strftime`` in French time, "" for ISO 8601 UTC."""

    separator: str
    decimal_mark: str
    start: str
    moments: str

    @property
    def is_for_people(self) -> bool:
        return bool(self.moments)

    def line(self, cells: Iterable[object]) -> str:
        return csv_line(cells, self.separator)

    def cents(self, cents: int | None) -> str:
        """Return ``-38,40`` or ``-38.40`` for -3840; nothing for None."""
        return "" if cents is None else decimal_cents(cents).replace(".", self.decimal_mark)

    def percent(self, basis_points: int | None) -> str:
        """Return ``40`` for 4000 and ``25,5`` for 2550: the figure without its sign."""
        return "" if basis_points is None else f"{basis_points / 100:g}".replace(".", self.decimal_mark)

    def moment(self, at: datetime) -> str:
        return f"{clock.in_france(at):{self.moments}}" if self.moments else str(clock.iso(at))


MACHINE: Final = Dialect(",", ".", "", "")
# A spreadsheet reads UTF-8 after a byte-order mark, and the separator and marks of its own language.
OF_LANGUAGE: Final = {
    "fr": Dialect(";", ",", BOM, "%d/%m/%Y %H:%M:%S"),
    "en": Dialect(",", ".", BOM, "%Y-%m-%d %H:%M:%S"),
}


def csv_line(cells: Iterable[object], separator: str = ",") -> str:
    """Return one line. Text that a spreadsheet would take for a formula gets ``'`` before it."""
    line = io.StringIO()
    tamed: list[object] = []
    for cell in cells:
        if isinstance(cell, str) and not _FIGURE.fullmatch(cell):
            # Another spreadsheet takes the other separator, whatever stands around the cell.
            cell = _AFTER_SEPARATOR.sub(r"\1'", cell)
            cell = f"'{cell}" if cell.startswith(_RUN) else cell
        tamed.append(cell)
    csv.writer(line, delimiter=separator).writerow(tamed)
    return line.getvalue()


def decimal_cents(cents: int) -> str:
    """Return ``-38.40`` for -3840: a figure for machines, in whole cents until here."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"
