"""A network's statement as reports: each line by the network's mapping, or refused with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final

from flask_babel import gettext as _

from contentflow.conversions import mapping, statement_cells
from contentflow.conversions.errors import InvalidPayload
from contentflow.conversions.mapping import FIELDS, STATES, Report
from contentflow.conversions.presets import WORDS
from contentflow.conversions.statement_columns import StatementColumns, StatementRefused, find_columns
from contentflow.core.csv_reading import CsvTable, Row

MAX_ROWS = 200_000
KNOWN: Final = "known"
REFUSED: Final = "refused"
HEADER_WITHIN = 20  # rows: a title, a period and an account may stand above the header


@dataclass(frozen=True)
class Line:
    """One row of the file: what it reports, and whether that is to be applied.

    ``verdict`` is "" for what is; else ``refused`` or ``known``, and ``reason`` says why, in English for a
    machine's owner. A row that cannot be read has no report.
    """

    number: int
    report: Report | None
    verdict: str = ""
    reason: str = ""
    transaction: str = ""
    has_date: bool = False


class StatementTable:
    """The rows of one file, read by a network's mapping. Nothing is asked of the database.

    Raises ``StatementRefused`` for a file in which a column is missing, or can be meant by two, and for one
    of more than ``MAX_ROWS`` rows or whose days and months cannot be told apart.
    """

    def __init__(self, table: CsvTable, lines: Mapping[str, str], preset: str, now: datetime) -> None:
        self.columns = find_columns(islice(_filled(table.rows()), HEADER_WITHIN), lines, preset)
        self.has_status = "status" in self.columns.places
        self._lines = _lines_for(self.columns, lines)
        self._now = now
        self._rows = [row for row in _filled(table.rows()) if row.line > self.columns.line]
        if len(self._rows) > MAX_ROWS:
            raise StatementRefused(_("Ce fichier a plus de 200 000 lignes : découpez-le."))
        dates = [cell for row in self._rows for key in ("at", "changed_at") if (cell := self._cell(row, key))]
        self._is_day_first = statement_cells.is_day_first(dates)
        if self._is_day_first is None and any(map(statement_cells.is_of_two_readings, dates)):
            raise StatementRefused(
                _("Jour ou mois ? Les dates se lisent de deux façons : exportez-les comme 2026-10-31.")
            )

    def __len__(self) -> int:
        return len(self._rows)

    def lines(self) -> Iterator[Line]:
        """Yield each row as what it reports; what is no report comes with its reason."""
        for row in self._rows:
            transaction = self._cell(row, "transaction")
            try:
                self._check(row, transaction)
                report = mapping.read_report(self._lines, self._fields(row), self._now)
            except InvalidPayload as refusal:
                name = transaction[: mapping.MAX_TRANSACTION]
                yield Line(row.line, None, REFUSED, str(refusal.message), name)
            else:
                yield Line(row.line, report, transaction=transaction, has_date=bool(self._cell(row, "at")))

    def _cell(self, row: Row, key: str) -> str:
        place = self.columns.places.get(key, len(row.cells))
        return statement_cells.bare(row.cells[place]) if place < len(row.cells) else ""

    def _check(self, row: Row, transaction: str) -> None:
        """Raise ``InvalidPayload`` for a row that reports nothing: broken, shifted, rounded, or a sum."""
        if row.is_broken:
            raise InvalidPayload("the row cannot be read: a quote is not closed, or a cell is too long")
        if any(row.cells[self.columns.width :]):
            raise InvalidPayload(f"the row has {len(row.cells)} cells, and the header {self.columns.width}")
        if statement_cells.is_rounded(transaction):
            name = self.columns.names["transaction"]
            raise InvalidPayload(f"{name} was rounded by a spreadsheet: {transaction}")
        sums = [cell for cell in row.cells if statement_cells.is_total(cell)]
        is_sale = transaction and transaction not in sums and self._cell(row, "at")
        if sums and not is_sale and not self._cell(row, "click_id"):
            raise InvalidPayload(f"a line of totals is no transaction: {sums[0][:40]}")

    def _fields(self, row: Row) -> dict[str, str]:
        fields = {name: self._cell(row, key) for key, name in self.columns.names.items()}
        names = self.columns.names
        number, named = statement_cells.undressed_amount(fields[names["amount"]])
        fields[names["amount"]] = number
        fixed = "" if "currency" in names else self._lines.get("fixed.currency", "")
        said = fields.get(names.get("currency", ""), "").upper() or fixed
        found = {one for one in (said, named, self.columns.unit) if one}
        if len(found) > 1:
            raise InvalidPayload(f"{names['amount']} names {' and '.join(sorted(found))}")
        fields[self._lines["currency"]] = found.pop() if found else ""
        for key in {"at", "changed_at"} & names.keys():
            fields[names[key]] = statement_cells.iso_moment(fields[names[key]], self._is_day_first)
        return fields


def told_apart(lines: Sequence[Line]) -> list[Line]:
    """Refuse the rows of a transaction that stands twice in a file in two ways: which of them was meant?

    Where each has its own time of change the latest is; the others, and repeated rows, say nothing.
    """
    rows: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        if line.report:
            rows[line.report.transaction, line.report.type].append(place)
    kept = list(lines)
    for places in rows.values():
        if len(places) > 1:
            _choose(kept, places)
    return kept


def _choose(kept: list[Line], places: Sequence[int]) -> None:
    reports = [kept[place].report for place in places]
    moments = [report.changed_at for report in reports if report and report.changed_at]
    numbers = ", ".join(str(kept[place].number) for place in places)
    meant, verdict = None, KNOWN
    if reports.count(reports[0]) == len(reports):
        meant, reason = places[0], f"line {kept[places[0]].number} says the same"
    elif len(set(moments)) == len(reports):
        meant = places[moments.index(max(moments))]
        reason = f"line {kept[meant].number} was changed later"
    else:
        verdict, reason = REFUSED, f"the transaction stands in lines {numbers}, which differ"
    for place in places:
        if place != meant:
            kept[place] = replace(kept[place], verdict=verdict, reason=reason)


def _lines_for(columns: StatementColumns, lines: Mapping[str, str]) -> dict[str, str]:
    """Return the mapping by which this file's rows are read: its columns by the header's own words."""
    kept = {key: value for key, value in lines.items() if key not in FIELDS}
    chosen = {**kept, **columns.names}
    chosen.setdefault("currency", "currency")
    if "currency" in columns.places:
        chosen.pop("fixed.currency", None)
    elif "fixed.currency" not in chosen and columns.unit:
        chosen["fixed.currency"] = columns.unit
    own = {state: lines.get(state, state) for state in STATES}
    taken = {word.strip().casefold() for words in own.values() for word in words.split(",")}
    # The words of exports, unless the mapping gives a word another state.
    return chosen | {
        state: ",".join([words, *(set(WORDS[state].split(",")) - taken)]) for state, words in own.items()
    }


def _filled(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if not row.is_blank)
