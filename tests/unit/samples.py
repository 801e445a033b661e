"""Small files of every format, and what parsing made of them."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import docx
import openpyxl
import pptx
from fpdf import FPDF
from pptx.util import Inches

from aura.documents.formats import Format
from aura.documents.parsing.elements import TEXT_FILE, Category, Element, read_elements
from aura.documents.parsing.parse import Parsed, parse


class Reading:
    """A parsed file: what `parse` reported, and what it wrote."""

    def __init__(self, source: Path, format: Format) -> None:
        folder = source.with_suffix(".parsed")
        folder.mkdir()
        self.folder = folder
        self.parsed: Parsed = parse(source, format, folder)
        self.text = (folder / TEXT_FILE).read_bytes().decode("utf-8")
        self.elements: list[Element] = list(read_elements(folder))

    def of(self, category: Category) -> list[str]:
        return [self.text[e.start : e.end] for e in self.elements if e.category is category]

    def headings(self) -> list[tuple[int | None, str]]:
        return [(e.depth, self.text[e.start : e.end]) for e in self.elements if e.category is Category.TITLE]


def pdf(path: Path) -> Path:
    file = FPDF()
    file.add_page()
    file.set_font("helvetica", "B", 20)
    file.cell(0, 12, "Returns handbook", new_x="LMARGIN", new_y="NEXT")
    file.set_font("helvetica", "B", 14)
    file.cell(0, 10, "Return window", new_x="LMARGIN", new_y="NEXT")
    file.set_font("helvetica", size=11)
    file.multi_cell(
        0,
        6,
        "Customers may return any product within 45 days of delivery. The product must be unused and in its original"
        " packaging, and the refund is paid to the card.\n\nA second paragraph is about interna-\ntional shipping.",
        new_x="LMARGIN",
        new_y="NEXT",
    )
    file.ln(6)
    with file.table() as table:
        for cells in (
            ("Country", "Fee", "Delivery"),
            ("Germany", "4.90 EUR", "2 days"),
            ("France", "7.50 EUR", "4 days"),
        ):
            row = table.row()
            for cell in cells:
                row.cell(cell)
    file.ln(6)
    for item in ("First item", "Second item"):
        file.cell(0, 6, f"\x95 {item}", new_x="LMARGIN", new_y="NEXT")
    file.add_page()
    file.cell(0, 6, "The second page has one line of text.")
    file.output(str(path))
    return path


def docx_file(path: Path) -> Path:
    file = docx.Document()
    file.add_heading("Employee handbook", 0)
    file.add_heading("Leave", 1)
    file.add_paragraph("Every employee has 28 days of leave.")
    file.add_heading("Sick leave", 2)
    file.add_paragraph("Call before nine.", style="List Bullet")
    file.add_paragraph("Send a note.", style="List Bullet")
    table = file.add_table(rows=0, cols=2)
    for cells in (("Grade", "Bonus"), ("A", "5 %"), ("B", "7 %")):
        for cell, text in zip(table.add_row().cells, cells, strict=True):
            cell.text = text
    file.save(str(path))
    return path


def xlsx(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Prices"
    for row in (
        ["Price list 2026"],
        [],
        ["SKU", "Name", "Discount"],
        ["007", "Widget", 0.05],
        ["008"],
        ["009", "Gear", 0.1],
    ):
        sheet.append(row)
    for row in (4, 6):
        sheet.cell(row, 3).number_format = "0%"
    book.create_sheet("Empty")
    book.create_sheet("Stock").append(["Widget", 5])
    book.save(path)
    return path


def pptx_file(path: Path) -> Path:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Results"
    slide.placeholders[1].text = "Revenue rose 12 %\nCosts fell"
    slide.notes_slide.notes_text_frame.text = "Thank the team."
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(2)).table
    for number, cells in enumerate((("Region", "Revenue"), ("North", "5 M"))):
        for column, text in enumerate(cells):
            table.cell(number, column).text = text
    deck.save(str(path))
    return path


def eml(path: Path) -> Path:
    message = EmailMessage()
    message["Subject"] = "Rückfrage zu Rechnung 4711"
    message["From"] = "Ada <ada@acme.test>"
    message["To"] = "Bob <bob@acme.test>"
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    message.set_content("Hello Bob,\n\nThe invoice is due on 5 May.\n")
    message.add_attachment(b"%PDF-1.4 secret", maintype="application", subtype="pdf", filename="invoice.pdf")
    path.write_bytes(bytes(message))
    return path
