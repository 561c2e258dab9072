"""The sentences that law wants on an invoice, in French whoever reads it; pure.

Invoices are papers of a French programme: their words are no interface, so they are not translated.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from contentflow.payouts.invoice_facts import InvoiceFacts, InvoiceLine

# Code de commerce, articles L. 441-9, L. 441-10 and D. 441-5.
LATE: Final = (
    "En cas de retard de paiement : pénalités au taux de trois fois le taux d’intérêt légal "
    "(article L. 441-10 du Code de commerce), exigibles sans rappel."
)
RECOVERY: Final = "Indemnité forfaitaire pour frais de recouvrement en cas de retard de paiement : 40 €."
NO_DISCOUNT: Final = "Pas d’escompte pour paiement anticipé."
MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
    "novembre", "décembre",
)  # fmt: skip


def day(when: date) -> str:
    return f"{when:%d/%m/%Y}"


def month(when: date) -> str:
    return f"{MONTHS[when.month - 1]} {when.year}"


def euros(cents: int) -> str:
    """Return 1 234,56 € with spaces that do not break, and a true minus."""
    sign, cents = ("\u2212" if cents < 0 else ""), abs(cents)
    return f"{sign}{cents // 100:,}".replace(",", "\u202f") + f",{cents % 100:02d}\u00a0€"


def title(facts: InvoiceFacts) -> str:
    return "Avoir" if facts.is_credit_note else "Facture"


def on_behalf(facts: InvoiceFacts) -> str:
    """Return whose paper it is, and under which mandate (CGI, annexe II, article 242 nonies)."""
    return (
        f"Autofacturation : {'avoir établi' if facts.is_credit_note else 'facture établie'} par "
        f"{facts.buyer.legal_name} au nom et pour le compte de {facts.seller.full_name}, en vertu du mandat "
        f"de facturation {facts.mandate_version} accepté le {day(facts.mandate_accepted_on)}."
    )


def of_month(line: InvoiceLine) -> str:
    """Return which earlier month a line takes back from; "" for one of the period itself."""
    if line.refers_to_month is None:
        return ""
    of = "d’" if month(line.refers_to_month)[0] in "ao" else "de "
    return f"Remboursement {of}{month(line.refers_to_month)}"


def takes_back(facts: InvoiceFacts) -> str:
    if facts.corrects is None:
        return ""
    number, issued_on = facts.corrects
    return f"Annule la facture {number} du {day(issued_on)}, contestée par {facts.seller.full_name}."


def terms(facts: InvoiceFacts) -> str:
    if facts.is_credit_note:
        return f"Cet avoir vient en déduction de la facture annulée ; il prend effet le {day(facts.due_on)}."
    return f"Paiement par virement bancaire au plus tard le {day(facts.due_on)}."


def nature(facts: InvoiceFacts) -> str:
    """Return what is sold, and when its VAT is due (CGI, annexe II, article 242 nonies A)."""
    return f"Nature : prestations de services.{' TVA exigible à l’encaissement.' if facts.has_vat else ''}"
