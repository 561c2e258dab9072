"""What an accountant takes away beside the journal: the invoices, and the year's sums a beneficiary."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import select

from contentflow.core.csv_lines import OF_LANGUAGE, Dialect
from contentflow.core.db import db
from contentflow.payouts import invoicing, runs
from contentflow.payouts.errors import WrongYear
from contentflow.payouts.run_models import Invoice, Payout, Transfer, TransferState

DECLARED_FROM_CENTS: Final = 240_000  # DAS2: CGI, annexe III, art. 344 septies; 2 400 € since 2024


class YearLine(NamedTuple):
    """What a beneficiary was paid in a year, and what was invoiced for them, gross, in cents."""

    siret: str
    name: str
    street: str
    postcode: str
    city: str
    invoiced_cents: int
    paid_cents: int

    @property
    def is_declared(self) -> bool:
        return self.paid_cents >= DECLARED_FROM_CENTS


def year_in(text: str) -> int:
    """Raises ``WrongYear``."""
    if not (text.isascii() and text.isdigit() and len(text) == 4 and text.startswith("20")):
        raise WrongYear
    return int(text)


def invoices(run_id: str = "", year: str = "") -> bytes:
    """Return a ZIP of the documents and their SHA-256. Raises ``UnknownRun`` and ``WrongYear``."""
    found = run_invoices(run_id) if run_id else every_invoice(year_in(year))
    made, sums = io.BytesIO(), []
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for invoice in found:
            content, name = invoicing.document_of(invoice), f"{invoice.label}.pdf"
            at = (invoice.issued_on.year, invoice.issued_on.month, invoice.issued_on.day, 0, 0, 0)
            archive.writestr(zipfile.ZipInfo(name, at), content)
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        archive.writestr("SHA256SUMS", "".join(sums))
    return made.getvalue()


def year_lines(year: str) -> list[YearLine]:
    """Return the year's sums a beneficiary, by SIRET. Raises ``WrongYear``."""
    chosen = year_in(year)
    who: dict[str, dict[str, str]] = {}
    invoiced: dict[str, int] = {}
    paid: dict[str, int] = {}
    for invoice in every_invoice(chosen):
        siret = _meet(who, invoice)
        if invoice.issued_on.year == chosen:
            sign = -1 if invoice.is_credit_note else 1
            invoiced[siret] = invoiced.get(siret, 0) + sign * invoice.total_cents
    for transfer, invoice in every_transfer(chosen):
        siret = _meet(who, invoice)
        for day, sign in moves(transfer):
            if day.year == chosen:
                paid[siret] = paid.get(siret, 0) + sign * transfer.total_cents
    return [
        YearLine(
            siret,
            one["legal_name"],
            one["street"],
            one["postcode"],
            one["city"],
            invoiced.get(siret, 0),
            paid.get(siret, 0),
        )
        for siret, one in sorted(who.items())
        if invoiced.get(siret) or paid.get(siret)
    ]


def year_csv(year: str, dialect: Dialect = OF_LANGUAGE["fr"]) -> str:
    titles = ("siret", "nom", "adresse", "code_postal", "ville", "facture_ttc", "verse_ttc", "das2")
    lines = [dialect.start + dialect.line(titles)]
    for one in year_lines(year):
        sums = (dialect.cents(one.invoiced_cents), dialect.cents(one.paid_cents))
        told = "oui" if one.is_declared else "non"
        lines.append(dialect.line((one.siret, one.name, one.street, one.postcode, one.city, *sums, told)))
    return "".join(lines)


def _meet(who: dict[str, dict[str, str]], invoice: Invoice) -> str:
    seller: dict[str, str] = invoice.facts["seller"]
    who[seller["siret"]] = seller
    return seller["siret"]


def moves(transfer: Transfer) -> list[tuple[date, int]]:
    """Return when money left and came back: a transfer that returned did both, and the sum is nothing."""
    if transfer.settled_on is None or transfer.state not in (TransferState.PAID, TransferState.RETURNED):
        return []
    paid_on = transfer.paid_on or transfer.settled_on
    back = [(transfer.settled_on, -1)] if transfer.state == TransferState.RETURNED else []
    return [(paid_on, 1), *back]


def run_invoices(run_id: str) -> list[Invoice]:
    """Return a run's own invoices, and the credit notes that cancel them, in the order of their numbers."""
    runs.get_run(run_id)
    own = select(Invoice.id).join(Payout, Payout.id == Invoice.payout_id).where(Payout.run_id == run_id)
    found = select(Invoice).where(Invoice.id.in_(own) | Invoice.cancels_id.in_(own))
    return list(db.session.scalars(found.order_by(Invoice.label)))


def every_invoice(year: int) -> list[Invoice]:
    found = select(Invoice).where(Invoice.year == year)
    return list(db.session.scalars(found.order_by(Invoice.label)))


def every_transfer(year: int) -> list[tuple[Transfer, Invoice]]:
    """Return the transfers that moved money in a year; one that came back later moved it in its own."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    found = select(Transfer, Invoice).join(Invoice, Invoice.payout_id == Transfer.payout_id)
    moved = Transfer.settled_on.between(first, last) | Transfer.paid_on.between(first, last)
    return [(one, of) for one, of in db.session.execute(found.where(moved))]
