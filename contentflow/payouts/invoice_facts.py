"""What an invoice says, before it is a document; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

SELF_BILLED, CREDIT_NOTE = "389", "261"  # UNTDID 1001: self-billed invoice, self-billed credit note
VAT_BP = 2_000  # 20 %, in basis points
MAX_TERM_DAYS = 60  # Code de commerce, article L. 441-10


class InvoiceRefused(Exception):
    """An invoice that would break a rule is not made; ``reasons`` are for an operator."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True)
class InvoiceParty:
    """Who sells or buys. ``siret`` may be "" for the buyer, ``vat_number`` for both.

    ``kind`` is a seller's, as in ``billing_profiles``: who trades alone says so beside the name (Code de
    commerce, article R. 526-27).
    """

    legal_name: str
    siren: str
    street: str
    postcode: str
    city: str
    siret: str = ""
    vat_number: str = ""
    kind: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.legal_name}, EI" if self.kind == "sole_trader" else self.legal_name


@dataclass(frozen=True)
class InvoiceLine:
    """``cents`` is net and may be negative: a refund, of the month whose first day is ``refers_to_month``."""

    label: str
    cents: int
    refers_to_month: date | None = None


@dataclass(frozen=True, kw_only=True)
class InvoiceFacts:
    """An invoice, or with ``corrects`` (number and day of the invoice) the credit note that takes it back.

    Sums are cents. ``vat`` is ``franchise`` or ``vat``; ``kind`` is ``SELF_BILLED`` or ``CREDIT_NOTE``. The
    lines of a credit note have the signs of the invoice's, and its sums are above zero too: its kind alone
    says that it takes back. ``due_on`` is the day by which it is paid.
    """

    number: str
    kind: str
    issued_on: date
    due_on: date
    period_from: date
    period_to: date
    seller: InvoiceParty
    buyer: InvoiceParty
    mandate_version: str
    mandate_accepted_on: date
    lines: tuple[InvoiceLine, ...]
    net_cents: int
    vat_cents: int
    total_cents: int
    vat: str
    vat_mention: str = ""
    corrects: tuple[str, date] | None = None

    @property
    def is_credit_note(self) -> bool:
        return self.kind == CREDIT_NOTE

    @property
    def has_vat(self) -> bool:
        return self.vat == "vat"


class RenderedInvoice(NamedTuple):
    """The CII, and the PDF/A-3b that holds it."""

    xml: bytes
    pdf: bytes


def vat_of(net_cents: int, vat: str) -> int:
    """Return the VAT on a net sum, in cents, the half cent rounded up; 0 for who owes none."""
    return (net_cents * VAT_BP + 5_000) // 10_000 if vat == "vat" else 0


def faults(facts: InvoiceFacts) -> Iterator[str]:
    """Yield what is wrong with an invoice before it is written."""
    if not facts.lines or any(line.cents == 0 or not line.label.strip() for line in facts.lines):
        yield "a line has no words or no amount, or there is no line"
    if sum(line.cents for line in facts.lines) != facts.net_cents:
        yield "the lines do not add up to the net sum"
    if facts.vat_cents != vat_of(facts.net_cents, facts.vat):
        yield "the VAT is not that of the net sum"
    if facts.net_cents + facts.vat_cents != facts.total_cents:
        yield "net and VAT do not add up to the total"
    if facts.total_cents <= 0:
        yield "the total is not above zero"
    if facts.has_vat != bool(facts.seller.vat_number):
        yield "a seller has a VAT number where VAT is due, and none where it is not"
    if not facts.has_vat and not facts.vat_mention.strip():
        yield "INVOICE_VAT_MENTION is empty"
    if not 0 <= (facts.due_on - facts.issued_on).days <= MAX_TERM_DAYS:
        yield f"the due day is not within {MAX_TERM_DAYS} days of the invoice's"
    if facts.period_to < facts.period_from:
        yield "the period ends before it begins"
    if facts.kind not in (SELF_BILLED, CREDIT_NOTE) or facts.is_credit_note != (facts.corrects is not None):
        yield "a credit note names the invoice that it takes back, and nothing else does"
    if not facts.mandate_version:
        yield "no mandate was accepted"
    for party in (facts.seller, facts.buyer):
        if not all((party.legal_name.strip(), party.siren, party.street, party.postcode, party.city)):
            yield f"{party.siren}: name or address is not whole"


def render(facts: InvoiceFacts) -> RenderedInvoice:
    """Make the document: the same bytes for the same facts. Raises ``InvoiceRefused``."""
    from contentflow.payouts import invoice_document  # lxml and fonts: no web process pays for them.

    return invoice_document.make(facts)
