"""CSV that spreadsheets read: RFC 4180, a byte-order mark, and no cell that they would run. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

BOM = "\ufeff"
_RUN = ("=", "+", "-", "@", "\t", "\r")


def csv_line(cells: Iterable[object]) -> str:
    """Return one line. Text that a spreadsheet would take for a formula gets ``'`` before it."""
    line = io.StringIO()
    csv.writer(line).writerow([_tame(cell) for cell in cells])
    return line.getvalue()


def decimal_cents(cents: int) -> str:
    """Return ``-38.40`` for -3840: a figure for machines, in whole cents until here."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _tame(cell: object) -> object:
    is_figure = isinstance(cell, str) and cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUN) and not is_figure else cell
