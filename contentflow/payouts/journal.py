"""The journal for the accountant: the 18 columns of the FEC, tabs between them, decimal commas.

Livre des procédures fiscales, art. A. 47 A-1.  It balances entry by entry. Invoices are gross where VAT is
due, the ledger is net. An entry's number is its place among those of its journal and year, in the order in
which the ledger was written: it is the same in every export, and nothing comes before it later on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.ledger import payable as ledger
from contentflow.payouts import runs
from contentflow.payouts.exporting import every_invoice, every_transfer, moves, run_invoices, year_in
from contentflow.payouts.run_models import Invoice, Transfer

COLUMNS: Final = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum",
    "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet",
    "ValidDate", "Montantdevise", "Idevise",
)  # fmt: skip
PURCHASES, BANK = ("AC", "Achats autofacturés"), ("BQ", "Banque")
_FORMULA: Final = ("=", "+", "-", "@")


class JournalLeg(NamedTuple):
    """One line of an entry: ``cents`` over zero is a debit, under it a credit."""

    account: str
    name: str
    cents: int
    auxiliary: tuple[str, str] = ("", "")


class JournalEntry(NamedTuple):
    """One entry of the journal; ``piece`` is the invoice's number and day, ``key`` the ledger's own."""

    journal: tuple[str, str]
    day: date
    piece: tuple[str, date]
    words: str
    legs: Sequence[JournalLeg]
    key: str


def journal(run_id: str = "", year: str = "") -> str:
    """Return the journal of a run, or of a year. Raises ``UnknownRun`` and ``WrongYear``.

    In a transaction: it waits for whatever is being posted, which would else come before what has a number.
    """
    chosen = 0 if run_id else year_in(year)
    runs.lock_runs()
    if run_id:
        of_run = select(Transfer, Invoice).join(Invoice, Invoice.payout_id == Transfer.payout_id)
        moved = [(one, of) for one, of in db.session.execute(of_run.where(Transfer.run_id == run_id))]
        wanted = {entry.key: entry.day.year for entry in _entries(run_invoices(run_id), moved)}
    years = set(wanted.values()) if run_id else {chosen}
    lines = ["\t".join(COLUMNS)]
    for number, entry, noted_on in (each for one in sorted(years) for each in _numbered(one)):
        if not run_id or entry.key in wanted:
            lines += ["\t".join(_cells(entry, number, noted_on, leg)) for leg in entry.legs]
    return "".join(f"{line}\r\n" for line in lines)


def _numbered(year: int) -> Iterator[tuple[str, JournalEntry, date]]:
    """Yield a year's entries with their number and the day on which each was noted."""
    every = _entries(every_invoice(year), every_transfer(year))
    entries = {entry.key: entry for entry in every if entry.day.year == year}
    noted = ledger.written(entries)
    counts = Counter[str]()
    # What the ledger carried forward after ten years has no place of its own anymore, and was first.
    for key in sorted(entries, key=lambda key: (noted[key].place if key in noted else 0, entries[key].day)):
        entry = entries[key]
        code = entry.journal[0]
        counts[code] += 1
        noted_on = clock.day_of(noted[key].posted_at) if key in noted else entry.day
        yield f"{code}-{year}-{counts[code]:06d}", entry, noted_on


def _entries(
    invoices: Iterable[Invoice], transfers: Iterable[tuple[Transfer, Invoice]]
) -> Iterator[JournalEntry]:
    chosen = settings()
    for invoice in invoices:
        sign = -1 if invoice.is_credit_note else 1
        expense = JournalLeg(chosen.account_commissions, "Commissions", sign * invoice.net_cents)
        tax = JournalLeg(chosen.account_vat, "TVA déductible", sign * invoice.vat_cents)
        what = "Avoir" if invoice.is_credit_note else "Facture"
        words = f"{what} {invoice.label} {_name(invoice)}"
        legs = [expense, *([tax] if tax.cents else []), _supplier(invoice, -sign * invoice.total_cents)]
        piece = (invoice.label, invoice.issued_on)
        key = f"payout:{invoice.payout_id}"
        if invoice.cancels_id is not None:
            key = f"cancelled:{db.session.get_one(Invoice, invoice.cancels_id).payout_id}"
        yield JournalEntry(PURCHASES, invoice.issued_on, piece, words, legs, key)
    for transfer, invoice in transfers:
        piece = (invoice.label, invoice.issued_on)
        for day, sign in moves(transfer):
            what = "Virement" if sign > 0 else "Retour de virement"
            words = f"{what} {invoice.label} {_name(invoice)}"
            cents = sign * transfer.total_cents
            legs = [_supplier(invoice, cents), JournalLeg(chosen.account_bank, "Banque", -cents)]
            key = f"{'paid' if sign > 0 else 'returned'}:{transfer.id}"
            yield JournalEntry(BANK, day, piece, words, legs, key)


def _supplier(invoice: Invoice, cents: int) -> JournalLeg:
    series = invoice.label.partition("-")[0]
    return JournalLeg(settings().account_suppliers, "Fournisseurs", cents, (series, _name(invoice)))


def _name(invoice: Invoice) -> str:
    return str(invoice.facts["seller"]["legal_name"])


def _cells(entry: JournalEntry, number: str, noted_on: date, leg: JournalLeg) -> list[str]:
    debit, credit = max(leg.cents, 0), max(-leg.cents, 0)
    return [
        plain_cell(cell)
        for cell in (
            *entry.journal, number, f"{entry.day:%Y%m%d}", leg.account, leg.name,
            *leg.auxiliary, entry.piece[0], f"{entry.piece[1]:%Y%m%d}", entry.words, _sum(debit),
            _sum(credit), "", "", f"{noted_on:%Y%m%d}", "", "",
        )
    ]  # fmt: skip


def _sum(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d}"


def plain_cell(cell: str) -> str:
    """Return a cell that ends no column and no line, and that no spreadsheet runs."""
    plain = " ".join(cell.split())
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
