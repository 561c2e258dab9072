"""The page of an invoice that people read: A4, one embedded font, as many pages as it takes."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos

from contentflow.payouts import invoice_words as words
from contentflow.payouts.invoice_facts import InvoiceFacts, InvoiceLine

FONTS: Final = Path(__file__).parent / "fonts"
FILE_NAME: Final = "factur-x.xml"  # the name that readers of Factur-X look for
MARGIN, WIDTH, FOOT = 18.0, 174.0, 24.0  # millimetres
AMOUNT, PAD = 36.0, 3.0  # the column of amounts, and the space beside words on a ground
INK, MUTED, LINE, BRAND, SOFT = "#17181C", "#5B5E66", "#D9D6CD", "#4737D1", "#F7F6F2"
CREATOR = "ContentFlow"


class InvoicePage(FPDF):
    """A4 with the invoice's number and the page's on each foot."""

    def __init__(self, facts: InvoiceFacts) -> None:
        super().__init__(enforce_compliance="PDF/A-3B")
        self.facts = facts
        self.add_font("Inter", "", FONTS / "Inter-Regular.ttf")
        self.add_font("Inter", "B", FONTS / "Inter-SemiBold.ttf")
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, FOOT)
        self.set_lang("fr-FR")
        # The day of the invoice, not the moment of its making: the same facts are the same bytes.
        self.set_creation_date(datetime.combine(facts.issued_on, time(12), UTC))
        self.add_page()

    def write_in(self, size: float, color: str = INK, *, bold: bool = False) -> None:
        self.set_font("Inter", "B" if bold else "", size)
        self.set_text_color(color)

    def paragraph(self, text: str, width: float = WIDTH, align: Align = Align.L, height: float = 4.6) -> None:
        self.multi_cell(width, height, text, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def rows_of(self, text: str, width: float) -> int:
        """Return how many rows a text takes, in the font that is set."""
        found = self.multi_cell(width, 5, text, dry_run=True, output=MethodReturnValue.LINES)
        assert isinstance(found, list)
        return len(found)

    def rule(self, color: str = LINE) -> None:
        self.set_draw_color(color)
        self.set_line_width(0.2)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())

    def footer(self) -> None:
        self.set_y(-FOOT + 8)
        self.rule()
        self.ln(2)
        self.write_in(7.5, MUTED)
        seller, third = self.facts.seller, WIDTH / 3
        self.cell(third, 4, fitting(self, f"{seller.full_name} · {seller.siren}", third - 4))
        self.cell(third, 4, f"Page {self.page_no()} sur {{nb}}", align=Align.C)
        self.cell(third, 4, self.facts.number, align=Align.R)

    def heading(self) -> None:
        self.write_in(26, bold=True)
        self.cell(WIDTH, 11, words.title(self.facts), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.write_in(10.5, BRAND, bold=True)
        self.cell(WIDTH, 6, "Autofacturation", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(5)
        shown = [
            ("Numéro", self.facts.number),
            ("Date", words.day(self.facts.issued_on)),
            ("Période", f"du {words.day(self.facts.period_from)} au {words.day(self.facts.period_to)}"),
            ("Date d’effet" if self.facts.is_credit_note else "Échéance", words.day(self.facts.due_on)),
        ]
        widths = (46.0, 32.0, 64.0, 32.0)
        for place, texts in enumerate(zip(*shown, strict=True)):
            self.write_in(7.5 if place == 0 else 10, MUTED if place == 0 else INK, bold=place == 1)
            for text, width in zip(texts, widths, strict=True):
                self.cell(width, 4.4 if place == 0 else 6, text)
            self.ln()
        self.ln(5)

    def parties(self) -> None:
        self.rule()
        self.ln(5)
        top, half = self.get_y(), WIDTH / 2
        bottoms = []
        for place, (role, party) in enumerate((("Vendeur", self.facts.seller), ("Client", self.facts.buyer))):
            self.set_xy(MARGIN + place * half, top)
            self.write_in(7.5, MUTED)
            self.paragraph(role, half - 6)
            self.write_in(10.5, bold=True)
            self.paragraph(party.full_name, half - 6, height=5.2)
            self.write_in(9)
            known = f"SIRET {party.siret}" if party.siret else f"SIREN {party.siren}"
            vat = [f"TVA {party.vat_number}"] if party.vat_number else []
            for text in (party.street, f"{party.postcode} {party.city}", "France", known, *vat):
                self.paragraph(text, half - 6)
            bottoms.append(self.get_y())
        self.set_xy(MARGIN, max(bottoms) + 5)
        self.write_in(8.5, MUTED)
        self.paragraph(words.on_behalf(self.facts))
        if self.facts.corrects is not None:
            self.write_in(8.5, bold=True)
            self.paragraph(words.takes_back(self.facts))
        self.ln(4)

    def lines_head(self) -> None:
        self.set_fill_color(SOFT)
        self.write_in(8, MUTED, bold=True)
        self.rect(MARGIN, self.get_y(), WIDTH, 8, style="F", round_corners=True, corner_radius=1.5)
        self.set_x(MARGIN + PAD)
        self.cell(WIDTH - AMOUNT - 2 * PAD, 8, "Désignation")
        self.cell(AMOUNT, 8, "Montant HT", align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def lines(self) -> None:
        self.lines_head()
        for line in self.facts.lines:
            self.row(line)

    def row(self, line: InvoiceLine) -> None:
        """Draw a line whole: one that does not fit on what is left of the page begins the next."""
        width, refund = WIDTH - AMOUNT - 3 * PAD, words.of_month(line)
        self.write_in(9.5)
        height = 5 * self.rows_of(line.label, width) + (4.4 if refund else 0) + 3
        if self.will_page_break(height):
            self.add_page()
            self.lines_head()
            self.write_in(9.5)
        top = self.get_y() + 1.5
        self.set_xy(MARGIN + PAD, top)
        self.paragraph(line.label, width, height=5)
        if refund:
            self.write_in(8, MUTED)
            self.paragraph(refund, width, height=4.4)
        bottom = self.get_y()
        self.set_xy(MARGIN + WIDTH - AMOUNT - PAD, top)
        self.write_in(9.5)
        self.cell(AMOUNT, 5, words.euros(line.cents), align=Align.R)
        self.set_xy(MARGIN, bottom + 1.5)
        self.rule()

    def sums(self) -> None:
        rows = [("Total HT", self.facts.net_cents)]
        if self.facts.has_vat:
            rows += [("TVA 20 %", self.facts.vat_cents), ("Total TTC", self.facts.total_cents)]
        if self.will_page_break(6.0 * len(rows) + 34):
            self.add_page()
        self.ln(4)
        left, half = MARGIN + WIDTH - 84, 42 - PAD
        for label, cents in rows:
            self.set_x(left + PAD)
            self.write_in(9.5, MUTED)
            self.cell(half, 6, label)
            self.write_in(9.5)
            self.cell(half, 6, words.euros(cents), align=Align.R, new_y=YPos.NEXT)
        self.ln(1)
        self.set_fill_color(BRAND)
        self.rect(left, self.get_y(), 84, 11, style="F", round_corners=True, corner_radius=1.5)
        self.set_x(left + PAD)
        self.write_in(11.5, "#FFFFFF", bold=True)
        self.cell(half, 11, "Total de l’avoir" if self.facts.is_credit_note else "Net à payer")
        self.cell(half, 11, words.euros(self.facts.total_cents), align=Align.R, new_y=YPos.NEXT)
        self.set_x(MARGIN)
        if not self.facts.has_vat:
            self.ln(2.5)
            self.write_in(8.5)
            self.paragraph(self.facts.vat_mention, align=Align.R)

    def terms(self) -> None:
        self.ln(6)
        if self.will_page_break(38):
            self.add_page()
        self.write_in(9, bold=True)
        self.paragraph(words.terms(self.facts), height=5)
        self.ln(1)
        self.write_in(8, MUTED)
        for sentence in (words.LATE, words.RECOVERY, words.NO_DISCOUNT, words.nature(self.facts)):
            self.paragraph(sentence, height=4.2)


def fitting(page: FPDF, text: str, width: float) -> str:
    """Cut a text with “…” where one row of that width does not hold it."""
    if page.get_string_width(text) <= width:
        return text
    while text and page.get_string_width(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def draw(facts: InvoiceFacts) -> InvoicePage:
    """Return the page, its XMP and its attachment still missing."""
    page = InvoicePage(facts)
    page.heading()
    page.parties()
    page.lines()
    page.sums()
    page.terms()
    return page
