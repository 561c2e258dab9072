"""Which column of a network's statement is which: by the mapping's name, the export's, or our own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from flask_babel import gettext as _

from contentflow.conversions import statement_cells
from contentflow.conversions.mapping import FIELDS
from contentflow.core.csv_reading import Row
from contentflow.core.errors import Refused

# What the exports of a preset's network call the columns that its postbacks call otherwise, the surest first.
# An order's value is never among them.
EXPORTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    # https://help.awin.com/docs/understanding-the-data-fields-in-the-transactions-report
    "awin": {
        "transaction": ("id", "transaction id"),
        "click_id": ("click ref", "clickref"),
        "amount": ("commission", "commission amount"),
        "status": ("commission status",),
        "at": ("date", "transaction date"),
        "changed_at": ("validation date",),
    },
    # https://help-center.affise.com/en/articles/6511283-statistics-conversions-admins
    "affise": {
        "transaction": ("conversion id",),
        "click_id": ("sub1", "sub 1"),
        "amount": ("payouts", "payout"),
        "at": ("conversion date", "created at"),
        "changed_at": ("updated at",),
    },
    # https://support.tune.com/hc/en-us/articles/1500005163401-Using-the-Conversion-Report
    "tune": {
        "transaction": ("tune event id", "conversion id"),
        "click_id": ("partner sub id 1", "affiliate sub id 1"),
        "amount": ("payout",),
        "at": ("date / time", "date"),
    },
    # https://developers.everflow.io/api-reference/post-networksreportingconversionsexport
    "everflow": {
        "transaction": ("conversion id",),
        "click_id": ("sub1",),
        "amount": ("payout",),
        "at": ("conversion unix timestamp", "date"),
    },
    # https://developers.cj.com/graphql/reference/Commission%20Detail
    "cj": {
        "transaction": ("commission id",),
        "click_id": ("sid", "shopper id"),
        "amount": ("publisher commission", "pub commission amount"),
        "status": ("action status",),
        "at": ("event date",),
    },
    # https://help.impact.com/en/support/solutions/articles/48001238030-advanced-action-listing-report-for-partners
    "impact": {
        "transaction": ("action id", "id"),
        "click_id": ("sub id 1", "subid1"),
        "amount": ("action earnings", "payout"),
        "status": ("status", "state"),
        "at": ("action date", "event date"),
        "changed_at": ("modification date",),
    },
    # https://dev.tradedoubler.com/conversions/publisher/
    "tradedoubler": {
        "transaction": ("transaction id", "event id"),
        "click_id": ("epi", "epi1"),
        "amount": ("affiliate commission", "publisher commission", "commission"),
        "at": ("time of event", "time of transaction"),
    },
    # https://helpdesk-advertiser.kwanko.com/fr/support/solutions/articles/101000432442-api-annonceur
    "kwanko": {
        "transaction": ("identifiant", "id"),
        "click_id": ("argsite",),
        "amount": ("gain", "commission"),
        "status": ("état", "statut"),
        "at": ("date",),
    },
    "generic": {
        "transaction": ("transaction id", "conversion id"),
        "amount": ("commission", "commission amount", "payout"),
        "at": ("date", "transaction date", "conversion date"),
    },
}


class StatementRefused(Refused):
    """The whole file is refused; the message names the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.message = reason


class StatementColumns(NamedTuple):
    """``line`` is the header's; ``places`` are columns by key, ``names`` the header's own words for them.

    ``unit`` is the currency that the amount's header names, as ``Commission (EUR)``, or "".
    """

    line: int
    width: int
    places: Mapping[str, int]
    names: Mapping[str, str]
    unit: str = ""


def find_columns(rows: Iterable[Row], lines: Mapping[str, str], preset: str) -> StatementColumns:
    """Return the columns of the first row that names a transaction and an amount.

    Raises ``StatementRefused``, which names what was looked for and what the file has.
    """
    first: Row | None = None
    for row in rows:
        first = first or row
        found = _columns_of(row, lines, preset)
        if "transaction" in found.places and "amount" in found.places:
            return found
    if first is None:
        raise StatementRefused(_("Ce fichier n’a pas de ligne d’en-têtes."))
    missing = [
        key for key in ("transaction", "amount") if key not in _columns_of(first, lines, preset).places
    ]
    raise StatementRefused(
        _(
            "Il manque la colonne %(names)s. Le fichier a : %(has)s.",
            names=", ".join(lines.get(key, key) for key in missing),
            has=", ".join(cell[:40] for cell in first.cells[:30] if cell),
        )
    )


def _columns_of(row: Row, lines: Mapping[str, str], preset: str) -> StatementColumns:
    exported = EXPORTS.get(preset, EXPORTS["generic"])
    places: dict[str, int] = {}
    for key in FIELDS:
        for name in (*([lines[key]] if key in lines else []), *exported.get(key, ()), key):
            place = _place(row.cells, name)
            if place is not None and place not in places.values():
                places[key] = place
                break
    header = row.cells[places["amount"]] if "amount" in places else ""
    named = re.search(r"[(\[]\s*([^)\]]+?)\s*[)\]]\s*$", header)
    unit = statement_cells.undressed_amount(f"1 {named[1]}")[1] if named else ""
    return StatementColumns(
        row.line, len(row.cells), places, {key: row.cells[at] for key, at in places.items()}, unit
    )


def _place(cells: Sequence[str], name: str) -> int | None:
    """Return the column of a name: as it is written, else without case and blanks, else its letters alone.

    Raises ``StatementRefused`` where two can be meant.
    """
    for plain in (str, _folded, _letters):
        found = [place for place, cell in enumerate(cells) if cell and plain(cell) == plain(name)]
        if len(found) > 1:
            raise StatementRefused(
                _("Deux colonnes peuvent être « %(name)s » : gardez celle qui convient.", name=name)
            )
        if found:
            return found[0]
    return None


def _folded(name: str) -> str:
    return "".join(name.split()).casefold()


def _letters(name: str) -> str:
    """Return a header without its unit and marks: ``commissionstatus`` for ``Commission_Status (EUR)``."""
    return "".join(re.findall(r"[^\W_]", re.sub(r"[(\[][^)\]]*[)\]]\s*$", "", name))).casefold() or name
