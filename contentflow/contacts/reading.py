"""A file as a table of people: its columns guessed, its rows counted, or refused with its first lines."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from contentflow.contacts import columns
from contentflow.contacts import tags as tagging
from contentflow.contacts.columns import Columns
from contentflow.contacts.judging import Entry, check
from contentflow.core.csv_reading import CsvTable, Row, UnreadableTable

MAX_ROWS = 5_000
SHOWN_ROWS = 10
LOOKED_AT = 50
SEPARATOR_NAMES = {",": _l("virgule"), ";": _l("point-virgule"), "\t": _l("tabulation"), "|": _l("barre")}


class FileTooLarge(UnreadableTable):
    status = 413
    message = _l("Ce fichier dépasse 2 Mo : envoie-le en plusieurs morceaux.")


class NoAddressColumn(UnreadableTable):
    message = _l(
        "Aucune colonne ne contient d’adresse e-mail. Voici comment nous lisons le début du fichier :"
    )


class TooManyRows(UnreadableTable):
    message = _l("5 000 lignes au plus par fichier : envoie-le en plusieurs morceaux.")


class NoGoodRow(UnreadableTable):
    message = _l("Aucune ligne n’a d’adresse lisible : rien n’est importé.")


class NoSuchColumn(UnreadableTable):
    message = _l("Cette colonne n’existe pas dans le fichier.")


class ImportPreview(NamedTuple):
    """A file as we read it; ``rows`` are its first ten without the header, as (line, cells)."""

    separator: str
    encoding: str
    header: list[str]
    mapping: Columns
    rows: list[tuple[int, list[str]]]
    total: int


def open_table(content: bytes) -> CsvTable:
    return CsvTable(io.BytesIO(content))


def data_rows(table: CsvTable, has_header: bool) -> Iterator[Row]:
    """Yield the rows that are somebody's: no blank ones, and not the header."""
    filled = (row for row in table.rows() if not _is_nothing(row))
    return islice(filled, int(has_header), None)


def _is_nothing(row: Row) -> bool:
    """A line with nothing on it; one of separators alone is a row without an address."""
    return not row.is_broken and (not row.cells or row.cells == ("",))


def guess_of(table: CsvTable) -> Columns:
    rows = [row.cells for row in islice(table.rows(), LOOKED_AT) if row.cells and not row.is_blank]
    guessed = columns.guess(rows) if rows else None
    if guessed is None:  # It may stand further down than we looked.
        rows = [row.cells for row in table.rows() if row.cells and not row.is_blank][: MAX_ROWS + 1]
        guessed = columns.guess(rows) if rows else None
    if guessed is None:
        raise NoAddressColumn(table.first_lines())
    return guessed


def preview(content: bytes, mapping: Columns) -> ImportPreview:
    table = open_table(content)
    first = next((row for row in table.rows() if not _is_nothing(row)), None)
    top = list(islice(data_rows(table, mapping.has_header), SHOWN_ROWS))
    width = max([len(first.cells) if first else 0, *(len(row.cells) for row in top)])
    header = list(first.cells) if first and mapping.has_header else []
    header += [_("Colonne %(num)s", num=number + 1) for number in range(len(header), width)]
    return ImportPreview(
        separator=str(SEPARATOR_NAMES[table.separator]),
        encoding={"utf-8": "UTF-8", "cp1252": "Windows-1252"}[table.encoding],
        header=header,
        mapping=mapping,
        rows=[(row.line, list(row.cells) + [""] * (width - len(row.cells))) for row in top],
        total=sum(1 for _row in data_rows(table, mapping.has_header)),
    )


def entries_of(rows: Sequence[Row], mapping: Columns) -> list[Entry]:
    return [
        Entry(
            row.line,
            "?" if row.is_broken else columns.cell(row.cells, mapping.email),
            " ".join(columns.cell(row.cells, mapping.name).split()),
            tuple(tagging.in_cell(columns.cell(row.cells, mapping.tags))),
        )
        for row in rows
    ]


def check_rows(table: CsvTable, mapping: Columns) -> int:
    """Return how many rows there are; raise where they are too many, or none has an address."""
    rows = list(islice(data_rows(table, mapping.has_header), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise TooManyRows(table.first_lines())
    if not any(check(entry).verdict in ("added", "disposable") for entry in entries_of(rows, mapping)):
        raise NoGoodRow(table.first_lines())
    return len(rows)
