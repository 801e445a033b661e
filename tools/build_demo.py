"""Builds the PDF and DOCX files of the demo organisations from their sources in `tools/demo`.

    python tools/build_demo.py                 # into src/aura/demo
    python tools/build_demo.py --into FOLDER

A source is named after its target (`oskerdale/employee-handbook.pdf.md` becomes `oskerdale/employee-handbook.pdf`). It
starts with `key: value` lines, a blank line ends them, and below is a small part of Markdown: `#` and `##` headings,
paragraphs, `- ` and `1. ` lists, and tables whose first row is the header. Every date comes from the source, so the
same sources and libraries give the same bytes. Needs the extra `dev` (fpdf2); python-docx comes with AURA itself.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import docx
import msgspec
from docx.document import Document as WordDocument
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace
from PIL import Image, ImageDraw, ImageFont

SOURCES = Path(__file__).parent / "demo"
TARGET = Path(__file__).parents[1] / "src" / "aura" / "demo"

_PDF_PAGE = {"en": "Page", "fr": "Page", "de": "Seite"}
_PDF_OF = {"en": "of", "fr": "sur", "de": "von"}
_FIRST_ZIP_MOMENT = (1980, 1, 1, 0, 0, 0)
_SCAN = "![scan] "
_SCAN_SIZE, _SCAN_MARGIN, _SCAN_LINE_HEIGHT = (420, 594), 40, 24


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """A heading of level 1 or 2."""

    level: int
    text: str


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph of running text."""

    text: str


class Items(msgspec.Struct, frozen=True, kw_only=True):
    """A list, with bullets or with numbers."""

    kind: Literal["bullets", "numbers"]
    texts: tuple[str, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table. The first row is its header."""

    rows: tuple[tuple[str, ...], ...]


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """A page of its own that holds only a picture of its lines, as a scanner makes it."""

    lines: tuple[str, ...]


Block = Heading | Paragraph | Items | Table | Scan


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A document before it is set: what its metadata says, and its blocks in order."""

    title: str
    organization: str
    author: str
    date: datetime
    reference: str
    language: str
    blocks: tuple[Block, ...]


def parse(text: str) -> Source:
    """The source that `text` holds.

    Raises:
        KeyError: a required `key: value` line is missing.
    """
    head, _, body = text.partition("\n\n")
    values = dict(line.split(": ", 1) for line in head.splitlines())
    return Source(
        title=values["title"],
        organization=values["organization"],
        author=values["author"],
        date=datetime.fromisoformat(values["date"]).replace(tzinfo=UTC),
        reference=values["reference"],
        language=values.get("language", "en"),
        blocks=tuple(_blocks(body)),
    )


def _blocks(body: str) -> Iterator[Block]:
    for part in re.split(r"\n{2,}", body.strip()):
        lines = part.splitlines()
        first = lines[0]
        if match := re.match(r"(#{1,2}) (.+)", first):
            yield Heading(level=len(match[1]), text=match[2])
        elif first.startswith(_SCAN):
            yield Scan(lines=(first.removeprefix(_SCAN), *lines[1:]))
        elif first.startswith("- "):
            yield Items(kind="bullets", texts=tuple(line.removeprefix("- ") for line in lines))
        elif first.startswith("1. "):
            yield Items(kind="numbers", texts=tuple(line.split(". ", 1)[1] for line in lines))
        elif first.startswith("|"):
            yield Table(rows=tuple(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines))
        else:
            yield Paragraph(text=" ".join(lines))


class _Pages(FPDF):
    """A4 pages with the document's name on top and the page number below."""

    def __init__(self, source: Source, creator: str) -> None:
        super().__init__(format="A4")
        self._source = source
        self.scans = set[int]()
        """The pages that are scans, without header and footer."""
        self.core_fonts_encoding = "windows-1252"  # latin-1, its default, has neither dashes nor œ
        self.set_margins(22, 20, 22)
        self.set_auto_page_break(True, margin=22)
        self.set_title(source.title)
        self.set_author(f"{source.author}, {source.organization}")
        self.set_lang(source.language)
        self.set_creator(creator)
        self.set_producer("fpdf2")  # without its version, which would change the bytes of an unchanged document
        self.set_creation_date(source.date)

    def header(self) -> None:
        if self.page_no() in self.scans:
            return
        self._margin_line(f"{self._source.organization} - {self._source.title}", y=10)

    def footer(self) -> None:
        if self.page_no() in self.scans:
            return
        language = self._source.language
        page = f"{_PDF_PAGE[language]} {self.page_no()} {_PDF_OF[language]} {{nb}}"
        self._margin_line(f"{self._source.reference} - {self._source.date:%Y-%m-%d} - {page}", y=-15)

    def _margin_line(self, text: str, *, y: float) -> None:
        self.set_y(y)
        self.set_font("Helvetica", size=8)
        self.cell(0, 5, text, align="C")
        if y > 0:
            self.set_y(20)


def pdf_bytes(source: Source, *, creator: str = "AURA demo content") -> bytes:
    """The source as a PDF with an outline, page numbers and tables whose header is repeated on each page."""
    pdf = _Pages(source, creator)
    pdf.add_page()
    pdf.set_font("Helvetica", style="B", size=20)
    _pdf_text(pdf, source.title, line_height=10)
    pdf.set_font("Helvetica", size=10)
    _pdf_text(pdf, f"{source.organization}, {source.author}, {source.date:%Y-%m-%d}", line_height=6, space_below=4)
    for block in source.blocks:
        _pdf_block(pdf, block)
    return bytes(pdf.output())


def _pdf_block(pdf: _Pages, block: Block) -> None:
    match block:
        case Heading(level=level, text=text):
            _pdf_heading(pdf, level, text)
        case Paragraph(text=text):
            pdf.set_font("Helvetica", size=11)
            _pdf_text(pdf, text, space_below=2.5)
        case Items(kind=kind, texts=texts):
            pdf.set_font("Helvetica", size=11)
            for number, text in enumerate(texts, start=1):
                _pdf_text(pdf, f"{number}. {text}" if kind == "numbers" else f"• {text}", indent=5, space_below=1)
            pdf.ln(2)
        case Table(rows=rows):
            _pdf_table(pdf, rows)
        case Scan(lines=lines):
            _pdf_scan(pdf, lines)


def _pdf_heading(pdf: FPDF, level: int, text: str) -> None:
    if pdf.will_page_break(35):  # a heading needs some lines of its text on the same page
        pdf.add_page()
    pdf.ln(3)
    pdf.set_font("Helvetica", style="B", size=15 if level == 1 else 12)
    pdf.start_section(text, level=level - 1, strict=False)
    _pdf_text(pdf, text, line_height=7, space_below=1.5)


def _pdf_text(pdf: FPDF, text: str, *, line_height: float = 5.8, indent: float = 0, space_below: float = 0) -> None:
    pdf.set_x(pdf.l_margin + indent)
    pdf.multi_cell(0, line_height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(space_below)


def _pdf_table(pdf: FPDF, rows: Sequence[Sequence[str]]) -> None:
    pdf.set_font("Helvetica", size=9.5)
    with pdf.table(
        col_widths=_column_widths(rows),
        text_align="LEFT",
        line_height=5.5,
        padding=0.8,
        headings_style=FontFace(emphasis="BOLD", fill_color=(230, 234, 230)),
    ) as table:
        for row in rows:
            table.row(row)
    pdf.ln(4)


def _pdf_scan(pdf: _Pages, lines: Sequence[str]) -> None:
    """A page without header, footer or text: what is on it can be seen, but not extracted."""
    image = Image.new("1", _SCAN_SIZE, color=1)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default_imagefont()  # drawn pixel by pixel, so that no installed font matters
    for number, line in enumerate(lines):
        draw.text((_SCAN_MARGIN, _SCAN_MARGIN + number * _SCAN_LINE_HEIGHT), line, fill=0, font=font)
    pdf.scans.add(pdf.page_no() + 1)
    pdf.add_page()
    pdf.image(image, x=0, y=0, w=pdf.w, h=pdf.h)
    pdf.add_page()


def _column_widths(rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Relative widths: the longest cell of each column, so that a wide column does not starve the narrow ones."""
    return tuple(min(max(len(cell) for cell in column), 40) + 3 for column in zip(*rows, strict=True))


def docx_bytes(source: Source) -> bytes:
    """The source as a Word document with real headings, lists and tables."""
    document = docx.Document()
    _describe(document, source)
    document.add_paragraph(source.title, style="Title")
    document.add_paragraph(f"{source.organization}, {source.reference}, {source.author}, {source.date:%Y-%m-%d}")
    for block in source.blocks:
        _docx_block(document, block)
    written = io.BytesIO()
    document.save(written)
    return without_clock(written)


def _describe(document: WordDocument, source: Source) -> None:
    properties = document.core_properties
    properties.title = source.title
    properties.author = properties.last_modified_by = source.author
    properties.comments = source.reference
    properties.language = source.language
    # python-docx wants naive datetimes, which it writes as UTC.
    properties.created = properties.modified = source.date.replace(tzinfo=None)


def _docx_block(document: WordDocument, block: Block) -> None:
    match block:
        case Heading(level=level, text=text):
            document.add_heading(text, level=level)
        case Paragraph(text=text):
            document.add_paragraph(text)
        case Items(kind=kind, texts=texts):
            for text in texts:
                document.add_paragraph(text, style="List Bullet" if kind == "bullets" else "List Number")
        case Table(rows=rows):
            table = document.add_table(rows=0, cols=len(rows[0]), style="Light Grid Accent 1")
            for row in rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
            document.add_paragraph()
        case Scan():
            raise ValueError("a scanned page needs a PDF")


def without_clock(archive: io.BytesIO) -> bytes:
    """The same archive with one fixed time in all its entries; the libraries write the time of the build."""
    written = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=_FIRST_ZIP_MOMENT)
            target.writestr(entry, source.read(name), compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)
    return written.getvalue()


def build(into: Path) -> tuple[Path, ...]:
    """Writes every PDF and DOCX file of the demo below `into`, and returns their paths.

    Raises:
        ValueError: a source's name does not end in `.pdf.md` or `.docx.md`.
    """
    written: list[Path] = []
    for path in sorted(SOURCES.glob("*/*.md")):
        target = into / path.parent.name / path.stem
        source = parse(path.read_text(encoding="utf-8"))
        target.parent.mkdir(parents=True, exist_ok=True)
        match target.suffix:
            case ".pdf":
                target.write_bytes(pdf_bytes(source))
            case ".docx":
                target.write_bytes(docx_bytes(source))
            case other:
                raise ValueError(f"{path.name!r}: can not write {other!r}; name it NAME.pdf.md or NAME.docx.md")
        written.append(target)
    return tuple(written)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the PDF and DOCX files of the demo.")
    parser.add_argument("--into", type=Path, default=TARGET)
    for path in build(parser.parse_args().into):
        sys.stdout.write(f"{path}  {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
