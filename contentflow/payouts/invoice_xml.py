"""The CII of an invoice, profile EN 16931 of Factur-X, with what the French rules (BR-FR) ask for.

Terms are those of EN 16931 (BT-1 is the number). An IBAN does not stand in it: who pays knows it, and no
one else is to read it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from lxml import etree

from contentflow.payouts import invoice_words as words
from contentflow.payouts.invoice_facts import VAT_BP, InvoiceFacts, InvoiceLine, InvoiceParty

RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
NAMESPACES = {"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT}
PROFILE = "urn:cen.eu:en16931:2017"
SERVICES = "S1"  # BT-23: services, an invoice to be paid
SIREN_SCHEME, SIRET_SCHEME, ADDRESS_SCHEME = "0002", "0009", "0225"
ON_PAYMENT = "72"  # BT-8: VAT on services is due when they are paid

Element = Any  # lxml has no types of its own.


def write(facts: InvoiceFacts) -> bytes:
    """Return the CII in UTF-8. Raises ``ValueError`` for a character that XML cannot hold."""
    root = etree.Element(etree.QName(RSM, "CrossIndustryInvoice"), nsmap=NAMESPACES)
    context = _in(root, RSM, "ExchangedDocumentContext")
    _text(_ram(context, "BusinessProcessSpecifiedDocumentContextParameter"), "ID", SERVICES)
    _text(_ram(context, "GuidelineSpecifiedDocumentContextParameter"), "ID", PROFILE)
    _document(root, facts)
    transaction = _in(root, RSM, "SupplyChainTradeTransaction")
    for number, line in enumerate(facts.lines, 1):
        _line(transaction, number, line, facts)
    agreement = _ram(transaction, "ApplicableHeaderTradeAgreement")
    _party(_ram(agreement, "SellerTradeParty"), facts.seller, facts.seller.full_name)
    _party(_ram(agreement, "BuyerTradeParty"), facts.buyer, facts.buyer.legal_name)
    _text(_ram(agreement, "ContractReferencedDocument"), "IssuerAssignedID", facts.mandate_version)
    delivery = _ram(transaction, "ApplicableHeaderTradeDelivery")
    _day(_ram(_ram(delivery, "ActualDeliverySupplyChainEvent"), "OccurrenceDateTime"), facts.period_to)
    _settlement(_ram(transaction, "ApplicableHeaderTradeSettlement"), facts)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _document(root: Element, facts: InvoiceFacts) -> None:
    document = _in(root, RSM, "ExchangedDocument")
    _text(document, "ID", facts.number)
    _text(document, "TypeCode", facts.kind)
    _day(_ram(document, "IssueDateTime"), facts.issued_on)
    notes = {
        "BAR": "B2B",
        "PMT": words.RECOVERY,
        "PMD": words.LATE,
        "AAB": words.NO_DISCOUNT,
        "ABL": words.on_behalf(facts),
        "AAI": words.takes_back(facts),
    }
    for subject, content in notes.items():
        if content:
            note = _ram(document, "IncludedNote")
            _text(note, "Content", content)
            _text(note, "SubjectCode", subject)


def _line(transaction: Element, number: int, line: InvoiceLine, facts: InvoiceFacts) -> None:
    item = _ram(transaction, "IncludedSupplyChainTradeLineItem")
    _text(_ram(item, "AssociatedDocumentLineDocument"), "LineID", str(number))
    product = _ram(item, "SpecifiedTradeProduct")
    _text(product, "Name", line.label)
    if words.of_month(line):
        _text(product, "Description", words.of_month(line))
    # A price is never negative (BR-27): what is taken back is minus one.
    price = _ram(_ram(item, "SpecifiedLineTradeAgreement"), "NetPriceProductTradePrice")
    _text(price, "ChargeAmount", _amount(abs(line.cents)))
    delivery = _ram(item, "SpecifiedLineTradeDelivery")
    _text(delivery, "BilledQuantity", "1" if line.cents > 0 else "-1", unitCode="C62")
    settlement = _ram(item, "SpecifiedLineTradeSettlement")
    tax = _ram(settlement, "ApplicableTradeTax")
    _text(tax, "TypeCode", "VAT")
    _rate(tax, facts)
    summation = _ram(settlement, "SpecifiedTradeSettlementLineMonetarySummation")
    _text(summation, "LineTotalAmount", _amount(line.cents))


def _party(node: Element, party: InvoiceParty, name: str) -> None:
    if party.siret:
        _text(node, "GlobalID", party.siret, schemeID=SIRET_SCHEME)
    _text(node, "Name", name)
    _text(_ram(node, "SpecifiedLegalOrganization"), "ID", party.siren, schemeID=SIREN_SCHEME)
    address = _ram(node, "PostalTradeAddress")
    _text(address, "PostcodeCode", party.postcode)
    _text(address, "LineOne", party.street)
    _text(address, "CityName", party.city)
    _text(address, "CountryID", "FR")
    # Where the directory of e-invoicing finds a French company: its SIREN (BR-FR-22).
    _text(_ram(node, "URIUniversalCommunication"), "URIID", party.siren, schemeID=ADDRESS_SCHEME)
    registration = _ram(node, "SpecifiedTaxRegistration")
    if party.vat_number:
        _text(registration, "ID", party.vat_number, schemeID="VA")
    else:
        # Who has no VAT number is known to the tax office by the SIREN (BR-E-02).
        _text(registration, "ID", party.siren, schemeID="FC")


def _settlement(node: Element, facts: InvoiceFacts) -> None:
    _text(node, "InvoiceCurrencyCode", "EUR")
    tax = _ram(node, "ApplicableTradeTax")
    _text(tax, "CalculatedAmount", _amount(facts.vat_cents))
    _text(tax, "TypeCode", "VAT")
    if not facts.has_vat:
        _text(tax, "ExemptionReason", facts.vat_mention)
    _text(tax, "BasisAmount", _amount(facts.net_cents))
    _rate(tax, facts, is_total=True)
    period = _ram(node, "BillingSpecifiedPeriod")
    _day(_ram(period, "StartDateTime"), facts.period_from)
    _day(_ram(period, "EndDateTime"), facts.period_to)
    terms = _ram(node, "SpecifiedTradePaymentTerms")
    _text(terms, "Description", words.terms(facts))
    _day(_ram(terms, "DueDateDateTime"), facts.due_on)
    sums = _ram(node, "SpecifiedTradeSettlementHeaderMonetarySummation")
    _text(sums, "LineTotalAmount", _amount(facts.net_cents))
    _text(sums, "TaxBasisTotalAmount", _amount(facts.net_cents))
    _text(sums, "TaxTotalAmount", _amount(facts.vat_cents), currencyID="EUR")
    _text(sums, "GrandTotalAmount", _amount(facts.total_cents))
    _text(sums, "DuePayableAmount", _amount(facts.total_cents))
    if facts.corrects is not None:
        number, issued_on = facts.corrects
        document = _ram(node, "InvoiceReferencedDocument")
        _text(document, "IssuerAssignedID", number)
        _day(_ram(document, "FormattedIssueDateTime"), issued_on, namespace=QDT)


def _rate(tax: Element, facts: InvoiceFacts, is_total: bool = False) -> None:
    _text(tax, "CategoryCode", "S" if facts.has_vat else "E")
    if is_total:
        code = (
            ("DueDateTypeCode", ON_PAYMENT)
            if facts.has_vat
            else ("ExemptionReasonCode", "VATEX-FR-FRANCHISE")
        )
        _text(tax, *code)
    _text(tax, "RateApplicablePercent", f"{VAT_BP // 100 if facts.has_vat else 0}.00")


def _amount(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _in(parent: Element, namespace: str, name: str) -> Element:
    return etree.SubElement(parent, etree.QName(namespace, name))


def _ram(parent: Element, name: str) -> Element:
    return _in(parent, RAM, name)


def _text(parent: Element, name: str, text: str, **attributes: str) -> None:
    node = _ram(parent, name)
    node.text = text
    node.attrib.update(attributes)


def _day(parent: Element, when: date, namespace: str = UDT) -> None:
    node = _in(parent, namespace, "DateTimeString")
    node.text = f"{when:%Y%m%d}"
    node.set("format", "102")
