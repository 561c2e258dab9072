"""An invoice: its sums, its CII under the rules of others, and its page as a PDF/A-3b."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO

import facturx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader

from contentflow.payouts import invoice_words as words
from contentflow.payouts import invoice_xml
from contentflow.payouts.invoice_facts import (
    CREDIT_NOTE,
    InvoiceLine,
    InvoiceRefused,
    render,
    vat_of,
)
from tests.payouts.invoices import BR_FR, EN_16931, FOUR, SALES, WITH_VAT, Verdict, invoice, schematrons

Run = Callable[..., Verdict]
RAM = f"{{{invoice_xml.RAM}}}"


def read(xml: bytes, path: str) -> list[str]:
    found = etree.fromstring(xml).xpath(path, namespaces=invoice_xml.NAMESPACES)
    return [node.text for node in found]


def page_text(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


@pytest.fixture(scope="module")
def rules() -> Iterator[Run]:
    with schematrons() as run:
        yield run


# The rules of EN 16931 and of France, run by Saxon here


@pytest.mark.parametrize("name", FOUR)
def test_no_rule_of_en_16931_fails(rules: Run, name: str) -> None:
    verdict = rules(EN_16931, invoice_xml.write(FOUR[name]))

    assert verdict.failed == []
    assert verdict.fired > 90


@pytest.mark.parametrize("name", FOUR)
def test_no_french_rule_fails(rules: Run, name: str) -> None:
    verdict = rules(BR_FR, invoice_xml.write(FOUR[name]))

    assert verdict.failed == []
    assert verdict.fired > 60


@pytest.mark.parametrize("subject", ["PMT", "PMD", "AAB"])
def test_a_note_that_is_taken_away_is_missed(rules: Run, subject: str) -> None:
    root = etree.fromstring(invoice_xml.write(FOUR["franchise"]))
    (note,) = [
        node for node in root.iter(f"{RAM}IncludedNote") if node.findtext(f"{RAM}SubjectCode") == subject
    ]
    note.getparent().remove(note)

    verdict = rules(BR_FR, etree.tostring(root))

    assert [said[:8] for said in verdict.failed] == ["BR-FR-05"]


def test_a_wrong_sum_is_seen(rules: Run) -> None:
    xml = invoice_xml.write(FOUR["vat"]).replace(b">172.14<", b">172.15<")

    assert rules(EN_16931, xml).failed != []


# The CII


def test_what_stands_in_the_cii() -> None:
    xml = render(FOUR["vat"]).xml

    assert read(xml, "//rsm:ExchangedDocument/ram:ID") == ["P00017-2026-0003"]
    assert read(xml, "//rsm:ExchangedDocument/ram:TypeCode") == ["389"]
    assert read(xml, "//ram:SellerTradeParty/ram:GlobalID[@schemeID='0009']") == ["73282932000074"]
    assert read(xml, "//ram:SellerTradeParty//ram:ID[@schemeID='VA']") == ["FR44732829320"]
    assert read(xml, "//ram:BuyerTradeParty/ram:SpecifiedLegalOrganization/ram:ID") == ["552100554"]
    assert read(xml, "//ram:ContractReferencedDocument/ram:IssuerAssignedID") == ["2026-11-28-1"]
    assert read(xml, "//ram:LineTotalAmount") == ["123.45", "20.00", "143.45"]
    assert read(xml, "//ram:TaxTotalAmount") == ["28.69"]
    assert read(xml, "//ram:GrandTotalAmount | //ram:DuePayableAmount") == ["172.14", "172.14"]
    assert read(xml, "//ram:DueDateDateTime/udt:DateTimeString") == ["20270104"]


def test_who_has_no_vat_says_so_in_the_words_of_the_setting() -> None:
    xml = render(invoice(vat_mention="TVA non applicable, article 293 B du CGI")).xml

    assert read(xml, "//ram:ExemptionReason") == ["TVA non applicable, article 293 B du CGI"]
    assert read(xml, "//ram:ExemptionReasonCode") == ["VATEX-FR-FRANCHISE"]
    assert read(xml, "//ram:TaxTotalAmount") == ["0.00"]


def test_who_trades_alone_says_so_beside_the_name() -> None:
    assert read(render(FOUR["franchise"]).xml, "//ram:SellerTradeParty/ram:Name") == [
        "Éloïse d’Œuvre & Fils, EI"
    ]
    assert read(render(FOUR["vat"]).xml, "//ram:SellerTradeParty/ram:Name") == ["Éloïse d’Œuvre & Fils"]


def test_a_refund_is_a_negative_line_that_names_its_month() -> None:
    xml = render(FOUR["negative"]).xml

    assert read(xml, "//ram:BilledQuantity") == ["1", "-1"]
    assert read(xml, "//ram:ChargeAmount") == ["123.45", "20.00"]
    assert read(xml, "//ram:SpecifiedTradeProduct/ram:Description") == ["Remboursement d’octobre 2026"]


def test_a_credit_note_names_its_invoice_and_the_day() -> None:
    xml = render(FOUR["credit"]).xml

    assert read(xml, "//rsm:ExchangedDocument/ram:TypeCode") == ["261"]
    assert read(xml, "//ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["P00017-2026-0003"]
    assert read(xml, "//ram:FormattedIssueDateTime/qdt:DateTimeString") == ["20261205"]


@given(st.lists(st.integers(-99_999, 999_999).filter(bool), min_size=1, max_size=5), st.booleans())
def test_any_lines_that_come_to_more_than_nothing_add_up_to_the_cent(cents: list[int], has_vat: bool) -> None:
    facts = invoice(
        lines=tuple(InvoiceLine("Commissions", amount) for amount in cents),
        **({"vat": "vat", "seller": WITH_VAT} if has_vat else {}),
    )
    xml = invoice_xml.write(facts)

    lines = [round(float(text) * 100) for text in read(xml, "//ram:LineTotalAmount")]

    assert lines == [*cents, sum(cents)]
    assert facts.total_cents == sum(cents) + vat_of(sum(cents), facts.vat)


def test_vat_is_rounded_half_up() -> None:
    assert [vat_of(cents, "vat") for cents in (1, 2, 3, 12_345)] == [0, 0, 1, 2_469]
    assert vat_of(12_345, "franchise") == 0


# What is not made


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"lines": (InvoiceLine("Commissions", -1),)}, "not above zero"),
        ({"lines": (SALES, replace(SALES, cents=-SALES.cents))}, "not above zero"),
        ({"lines": ()}, "there is no line"),
        ({"lines": (InvoiceLine(" ", 100),)}, "no words"),
        ({"net_cents": 14_344}, "do not add up to the net"),
        ({"vat_cents": 1}, "VAT is not that"),
        ({"total_cents": 14_346}, "do not add up to the total"),
        ({"vat": "vat"}, "VAT number where VAT is due"),
        ({"seller": WITH_VAT}, "VAT number where VAT is due"),
        ({"vat_mention": ""}, "INVOICE_VAT_MENTION"),
        ({"due_on": date(2026, 12, 4)}, "due day"),
        ({"due_on": date(2027, 3, 1)}, "due day"),
        ({"period_to": date(2026, 10, 31)}, "period"),
        ({"kind": CREDIT_NOTE}, "credit note names"),
        ({"kind": "380"}, "credit note names"),
        ({"corrects": ("P00017-2026-0001", date(2026, 11, 5))}, "credit note names"),
        ({"mandate_version": ""}, "no mandate"),
        ({"seller": replace(WITH_VAT, city="")}, "not whole"),
        ({"lines": (InvoiceLine("Ventes 東京", 100),)}, "U+4EAC U+6771"),
        ({"lines": (InvoiceLine("Ventes \x07", 100),)}, "U+0007"),
        ({"lines": (InvoiceLine("Ventes \ud800", 100),)}, "U+D800"),
    ],
)
def test_an_invoice_that_would_be_wrong_is_refused_and_named(given: dict, reason: str) -> None:
    with pytest.raises(InvoiceRefused) as refusal:
        render(invoice(**given))

    assert "P00017-2026-0003" in str(refusal.value)
    assert reason in str(refusal.value)


def test_what_the_schema_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoice_xml, "PROFILE", "")
    monkeypatch.setattr(invoice_xml, "_amount", lambda cents: "much")

    with pytest.raises(InvoiceRefused, match="much"):
        render(invoice())


# The page


@pytest.mark.parametrize("name", FOUR)
def test_the_page_is_a_pdf_a_3b_that_holds_the_cii(name: str) -> None:
    made = render(FOUR[name])
    reader = PdfReader(BytesIO(made.pdf))
    catalogue = reader.trailer["/Root"]
    (attached,) = [item.get_object() for item in catalogue["/AF"]]

    assert facturx.get_facturx_xml_from_pdf(made.pdf) == ("factur-x.xml", made.xml)
    assert (attached["/AFRelationship"], attached["/UF"]) == ("/Alternative", "factur-x.xml")
    assert attached["/EF"]["/F"]["/Subtype"] == "/text/xml"
    (intent,) = [item.get_object() for item in catalogue["/OutputIntents"]]
    assert intent["/S"] == "/GTS_PDFA1"
    assert intent["/DestOutputProfile"].get_object()["/N"] == 3
    assert "/Encrypt" not in reader.trailer
    assert "/ID" in reader.trailer
    assert catalogue["/Lang"] == "fr-FR"


def test_the_xmp_says_what_the_document_is() -> None:
    reader = PdfReader(BytesIO(render(FOUR["franchise"]).pdf))
    xmp = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    root = etree.fromstring(re.sub(r"<\?xpacket.*?\?>", "", xmp))

    said = {etree.QName(node).localname: node.text for node in root.iter(etree.Element)}

    assert (said["part"], said["conformance"]) == ("3", "B")
    assert (said["DocumentType"], said["DocumentFileName"]) == ("INVOICE", "factur-x.xml")
    assert (said["ConformanceLevel"], said["Version"]) == ("EN 16931", "1.0")
    assert "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#" in xmp
    assert said["CreateDate"] == "2026-12-05T12:00:00Z"
    assert "Facture P00017-2026-0003" in xmp


def test_every_font_is_embedded_and_says_which_letters_it_draws() -> None:
    reader = PdfReader(BytesIO(render(FOUR["franchise"]).pdf))
    fonts = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]

    assert len(fonts) == 2
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert "/FontFile2" in descriptor
        assert "/ToUnicode" in font


def test_what_people_read_is_what_programs_read() -> None:
    text = page_text(render(FOUR["negative"]).pdf)

    for said in (
        "Autofacturation", "P00017-2026-0003", "05/12/2026", "04/01/2027", "du 01/11/2026 au 30/11/2026",
        "Éloïse d’Œuvre & Fils, EI", "SIRET 73282932000074", "Programme Bleu SAS", "TVA FR96552100554",
        "au nom et pour le compte de", "mandat de facturation 2026-11-28-1", "Remboursement d’octobre 2026",
        "−20,00", "103,45", "TVA non applicable", "40 €", "Pas d’escompte", "trois fois le taux",
    ):  # fmt: skip
        assert said in text, said


def test_the_same_facts_are_the_same_bytes_whenever_they_are_written(time_machine) -> None:
    time_machine.move_to("2026-12-05T10:00:00Z")
    first = render(FOUR["vat"])
    time_machine.move_to("2027-12-05T10:00:00Z")

    assert render(FOUR["vat"]) == first


def test_sixty_long_lines_go_over_pages_and_none_is_lost() -> None:
    lines = tuple(
        InvoiceLine(
            f"Commissions n° {number}, {'annonceur au nom fort long ' * (number % 5)}", 1_000 + number
        )
        for number in range(60)
    )
    pdf = render(invoice(lines=lines)).pdf
    pages = PdfReader(BytesIO(pdf)).pages

    text = page_text(pdf)

    assert len(pages) > 2
    assert [f"Commissions n° {number}," in text for number in range(60)] == [True] * 60
    assert all("Désignation" in page.extract_text() for page in pages[:-1])
    assert f"Page {len(pages)} sur {len(pages)}" in text


def test_a_name_of_200_letters_with_markup_is_drawn_as_it_is() -> None:
    name = "<b>" + "W" * 150 + "</b> Société & associés, **gras**"
    made = render(invoice(seller=replace(WITH_VAT, legal_name=name), vat="vat"))

    assert read(made.xml, "//ram:SellerTradeParty/ram:Name") == [name]
    assert "**gras**" in page_text(made.pdf)


@pytest.mark.parametrize(
    ("cents", "shown"),
    [
        (0, "0,00\u00a0€"),
        (5, "0,05\u00a0€"),
        (-123_456, "\u22121\u202f234,56\u00a0€"),
        (100_000_000, "1\u202f000\u202f000,00\u00a0€"),
    ],
)
def test_sums_are_written_as_in_france(cents: int, shown: str) -> None:
    assert words.euros(cents) == shown
