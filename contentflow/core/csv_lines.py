"""CSV that spreadsheets read: RFC 4180, a byte-order mark, and no cell that they would run. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

BOM = "\ufeff"
_RUN = ("=", "+", "-", "@", "\t", "\r")
_AFTER_SEMICOLON = re.compile(r"(;\s*)(?=[=+\-@\t\r])")
_FIGURE = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def csv_line(cells: Iterable[object]) -> str:
    """Return one line. Text that a spreadsheet would take for a formula gets ``'`` before it."""
    line = io.StringIO()
    csv.writer(line).writerow([_tame(cell) for cell in cells])
    return line.getvalue()


def decimal_cents(cents: int) -> str:
    """Return ``-38.40`` for -3840: a figure for machines, in whole cents until here."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _tame(cell: object) -> object:
    if not isinstance(cell, str) or _FIGURE.fullmatch(cell):
        return cell
    # A French spreadsheet takes the semicolon for the separator, whatever stands around the cell.
    cell = _AFTER_SEMICOLON.sub(r"\1'", cell)
    return f"'{cell}" if cell.startswith(_RUN) else cell
