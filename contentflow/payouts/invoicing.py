"""The invoices of a run: what each says, its number, and the document on the disk.

A document is made once, written aside and renamed; a page or a download is those bytes, whose hash is kept.
Numbers count within a partner and a year. They are given in the transaction that approves, so a document is
made for the number that comes next, and made anew should another have taken it meanwhile.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import func, select

from contentflow.config import make_folder, settings
from contentflow.core import clock, durable
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.core.ids import new_id
from contentflow.payouts import invoice_facts
from contentflow.payouts.drafting import RunRow, end_of
from contentflow.payouts.invoice_facts import (
    CREDIT_NOTE,
    SELF_BILLED,
    InvoiceFacts,
    InvoiceLine,
    InvoiceParty,
)
from contentflow.payouts.invoice_lines import AT_ONCE, CARRIED, InvoicedLine
from contentflow.payouts.run_models import Invoice, Payout
from contentflow.terminal_language import says

FOLDER: Final = "invoices"
# An invoice is French, whoever looks at it.
KINDS: Final[Mapping[str, str]] = {
    "sale": "Commissions sur ventes",
    "lead": "Commissions sur contacts",
    "clicks": "Clics rémunérés",
    CARRIED: "Solde reporté",
}
REFUNDED: Final[Mapping[str, str]] = {
    "sale": "Remboursements de ventes",
    "lead": "Contacts annulés",
    "clicks": "Clics annulés",
    CARRIED: "Solde reporté",
}


class Document(NamedTuple):
    """A document that is on the disk, and the number that it was made for."""

    id: str
    facts: InvoiceFacts
    number: int
    xml_sha256: str
    pdf_sha256: str


def next_numbers(partner_ids: Collection[str], year: int) -> dict[str, int]:
    """Return the number that each partner's next invoice of a year has."""
    ids, found = sorted(partner_ids), dict[str, int]()
    for start in range(0, len(ids), AT_ONCE):
        last = (
            select(Invoice.partner_id, func.max(Invoice.number))
            .where(Invoice.partner_id.in_(ids[start : start + AT_ONCE]), Invoice.year == year)
            .group_by(Invoice.partner_id)
        )
        found |= {row[0]: row[1] for row in db.session.execute(last)}
    return {partner_id: found.get(partner_id, 0) + 1 for partner_id in ids}


def label(series: str, year: int, number: int) -> str:
    """Return ``P00017-2026-0003``."""
    return f"{series}-{year}-{number:04d}"


def facts_of(row: RunRow, month: str, number: int, issued_on: date) -> InvoiceFacts:
    """Return what the invoice of a row says."""
    payee, last = row.payee, clock.in_france(end_of(month) - timedelta(days=1)).date()
    assert payee.mandate_version is not None and payee.mandate_accepted_at is not None
    first = min(row.since or last, last).replace(day=1)
    return InvoiceFacts(
        number=label(payee.number, issued_on.year, number),
        kind=SELF_BILLED,
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=settings().payout_term_days),
        period_from=first,
        period_to=last,
        seller=InvoiceParty(
            payee.legal_name,
            payee.siren,
            payee.street,
            payee.postcode,
            payee.city,
            payee.siret,
            payee.vat_number,
            payee.kind,
        ),
        buyer=buyer(),
        mandate_version=payee.mandate_version,
        mandate_accepted_on=clock.day_of(payee.mandate_accepted_at),
        lines=tuple(_line(line) for line in row.lines),
        net_cents=row.net_cents,
        vat_cents=row.vat_cents,
        total_cents=row.total_cents,
        vat=payee.vat,
        vat_mention="" if payee.vat == "vat" else settings().invoice_vat_mention,
    )


def credit_note(invoice: Invoice, number: int, issued_on: date) -> InvoiceFacts:
    """Return what takes an invoice back, of the same series."""
    facts = facts_from(invoice.facts)
    return replace(
        facts,
        number=label(facts.number.partition("-")[0], issued_on.year, number),
        kind=CREDIT_NOTE,
        issued_on=issued_on,
        due_on=issued_on,
        corrects=(facts.number, facts.issued_on),
    )


def _line(line: InvoicedLine) -> InvoiceLine:
    about = f" – {line.advertiser}" if line.advertiser else ""
    if not line.month:
        return InvoiceLine(KINDS.get(line.kind, line.kind) + about, line.cents)
    month = date.fromisoformat(f"{line.month}-01")
    return InvoiceLine(REFUNDED.get(line.kind, line.kind) + about, line.cents, month)


def buyer() -> InvoiceParty:
    """Return the programme, as invoices name it."""
    chosen = settings()
    number = chosen.programme_vat_number
    return InvoiceParty(chosen.programme, chosen.programme_siren, *chosen.programme_postal, "", number)


def make(facts: InvoiceFacts, number: int) -> Document:
    """Make a document and put it on the disk. Raises ``invoice_facts.InvoiceRefused``."""
    made, invoice_id = invoice_facts.render(facts), new_id()
    path = path_of(invoice_id)
    make_folder(path.parent)
    aside = path.with_suffix(".new")
    durable.write(aside, made.pdf)
    os.replace(aside, path)
    durable.sync(path.parent)
    return Document(
        invoice_id, facts, number, hashlib.sha256(made.xml).hexdigest(), hashlib.sha256(made.pdf).hexdigest()
    )


def row_of(document: Document, partner_id: str, payout_id: str | None, cancels_id: str | None) -> Invoice:
    """Return the row of a document; the caller writes it."""
    facts = document.facts
    return Invoice(
        id=document.id,
        payout_id=payout_id,
        cancels_id=cancels_id,
        partner_id=partner_id,
        year=facts.issued_on.year,
        number=document.number,
        label=facts.number,
        facts=to_json(facts),
        issued_on=facts.issued_on,
        due_on=facts.due_on,
        net_cents=facts.net_cents,
        vat_cents=facts.vat_cents,
        total_cents=facts.total_cents,
        xml_sha256=document.xml_sha256,
        pdf_sha256=document.pdf_sha256,
        created_at=clock.now(),
        contest="",
        answer="",
    )


def to_json(facts: InvoiceFacts) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        return [plain(one) for one in value] if isinstance(value, list | tuple) else value

    found: dict[str, Any] = plain(asdict(facts))
    return found


def facts_from(kept: Mapping[str, Any]) -> InvoiceFacts:
    """Return the facts that ``to_json`` wrote."""
    days = {
        name: date.fromisoformat(kept[name])
        for name in ("issued_on", "due_on", "period_from", "period_to", "mandate_accepted_on")
    }
    lines = tuple(
        InvoiceLine(
            one["label"],
            one["cents"],
            date.fromisoformat(one["refers_to_month"]) if one["refers_to_month"] else None,
        )
        for one in kept["lines"]
    )
    corrects = kept["corrects"] and (kept["corrects"][0], date.fromisoformat(kept["corrects"][1]))
    parties = {name: InvoiceParty(**kept[name]) for name in ("seller", "buyer")}
    return InvoiceFacts(**{**kept, **days, **parties, "lines": lines, "corrects": corrects})


def path_of(invoice_id: str) -> Path:
    return settings().data_dir / FOLDER / f"{invoice_id}.pdf"


def document_of(invoice: Invoice) -> bytes:
    """Return the document's bytes. Raises ``NotFound`` for a file that is lost or is not what was made."""
    try:
        content = path_of(invoice.id).read_bytes()
    except FileNotFoundError:
        raise NotFound from None
    if hashlib.sha256(content).hexdigest() != invoice.pdf_sha256:
        raise NotFound
    return content


def invoice_of(partner_id: str, payout_id: str) -> Invoice:
    """Return the invoice of a partner's payout; raises ``NotFound``."""
    found = select(Invoice).join(Payout, Payout.id == Invoice.payout_id)
    invoice = db.session.scalar(found.where(Payout.id == payout_id, Payout.partner_id == partner_id))
    if invoice is None:
        raise NotFound
    return invoice


def credit_note_of(partner_id: str, payout_id: str) -> Invoice:
    """Return the credit note that cancels the invoice of a partner's payout; raises ``NotFound``."""
    cancelled = invoice_of(partner_id, payout_id)
    note = db.session.scalar(select(Invoice).where(Invoice.cancels_id == cancelled.id))
    if note is None:
        raise NotFound
    return note


def sweep_folder() -> None:
    """Maintenance: delete documents, a day old, of approvals that came to nothing."""
    before = clock.now() - timedelta(days=1)
    folder = settings().data_dir / FOLDER
    old = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if datetime.fromtimestamp(path.stat().st_mtime, before.tzinfo) < before
    ]
    for start in range(0, len(old), AT_ONCE):
        some = old[start : start + AT_ONCE]
        names = {path.stem for path in some}
        known = set(db.session.scalars(select(Invoice.id).where(Invoice.id.in_(names))))
        for path in some:
            if path.stem not in known or path.suffix != ".pdf":
                path.unlink(missing_ok=True)
    db.session.rollback()


def check_documents() -> str | None:
    """Doctor: None when the newest invoices are on the disk as they were made."""
    newest = select(Invoice).order_by(Invoice.issued_on.desc()).limit(50)
    for invoice in db.session.scalars(newest):
        try:
            document_of(invoice)
        except NotFound:
            sentence = says(
                "La facture %s n’est plus sur le disque comme elle a été faite : reprenez la sauvegarde."
            )
            return sentence % invoice.label
    return None
