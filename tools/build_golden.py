"""Builds the PDF, DOCX, PPTX and XLSX files of the evals' golden set from their sources in `tools/golden`.

    python tools/build_golden.py                 # into evals/src/aura_evals/datasets/golden/documents
    python tools/build_golden.py --into FOLDER

Sources are written as those of `build_demo.py`. For slides each heading begins a new one; for a workbook each heading
begins a sheet, and cells that are numbers become numbers. The other formats (Markdown, text, HTML, CSV, JSON, mail) need
no building and lie in the target folder as they are.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import openpyxl
import pptx
from build_demo import Block, Heading, Items, Paragraph, Source, Table, docx_bytes, parse, pdf_bytes, without_clock
from openpyxl.worksheet.worksheet import Worksheet
from pptx.presentation import Presentation
from pptx.slide import Slide
from pptx.util import Cm

SOURCES = Path(__file__).parent / "golden"
TARGET = Path(__file__).parents[1] / "evals" / "src" / "aura_evals" / "datasets" / "golden" / "documents"

_NUMBER = re.compile(r"-?[0-9]+(?:[.]([0-9]+))?")
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")
_TITLE_ONLY = 5  # of python-pptx's own template
_MARGIN, _WIDTH = Cm(1.5), Cm(22)


def _sections(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Each heading with what stands below it."""
    title, below = "", list[Block]()
    for block in blocks:
        if isinstance(block, Heading):
            if title:
                yield title, below
            title, below = block.text, []
        else:
            below.append(block)
    yield title, below


def pptx_bytes(source: Source) -> bytes:
    """The source as slides with real tables and paragraphs."""
    deck = pptx.Presentation()
    properties = deck.core_properties
    properties.title, properties.author, properties.last_modified_by = source.title, source.author, source.author
    properties.comments, properties.language = source.reference, source.language
    properties.created = properties.modified = source.date.replace(tzinfo=None)
    cover = _slide(deck, source.title)
    _write(cover, [f"{source.organization}, {source.author}, {source.date:%Y-%m-%d}, {source.reference}"])
    for title, blocks in _sections(source.blocks):
        slide = _slide(deck, title)
        for block in blocks:
            match block:
                case Table(rows=rows):
                    _slide_table(slide, rows)
                case Items(kind=kind, texts=texts):
                    _write(slide, [f"{n}. {text}" if kind == "numbers" else text for n, text in enumerate(texts, 1)])
                case Paragraph(text=text):
                    _write(slide, [text])
                case other:
                    raise ValueError(f"slides can not hold a {type(other).__name__}")
    written = io.BytesIO()
    deck.save(written)
    return without_clock(written)


def _slide(deck: Presentation, title: str) -> Slide:
    slide = deck.slides.add_slide(deck.slide_layouts[_TITLE_ONLY])
    slide.shapes.title.text = title
    return slide


def _write(slide: Slide, texts: Sequence[str]) -> None:
    top = Cm(4 + 3.5 * (len(slide.shapes) - 1))
    frame = slide.shapes.add_textbox(_MARGIN, top, _WIDTH, Cm(3)).text_frame
    frame.word_wrap = True
    frame.text = texts[0]
    for text in texts[1:]:
        frame.add_paragraph().text = text


def _slide_table(slide: Slide, rows: Sequence[Sequence[str]]) -> None:
    top = Cm(4 + 3.5 * (len(slide.shapes) - 1))
    table = slide.shapes.add_table(len(rows), len(rows[0]), _MARGIN, top, _WIDTH, Cm(1 * len(rows))).table
    for y, row in enumerate(rows):
        for x, text in enumerate(row):
            table.cell(y, x).text = text


def xlsx_bytes(source: Source) -> bytes:
    """The source as a workbook: a sheet for each heading, notes in cells of their own above and below the tables."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    properties = workbook.properties
    properties.title, properties.creator, properties.lastModifiedBy = source.title, source.author, source.author
    properties.description, properties.language = source.reference, source.language
    properties.created = source.date.replace(tzinfo=None)
    for title, blocks in _sections(source.blocks):
        _fill(workbook.create_sheet(title[:31]), blocks)
    written = io.BytesIO()
    workbook.save(written)
    return without_clock(_modified_at(written, source))


def _fill(sheet: Worksheet, blocks: Sequence[Block]) -> None:
    row_number = 1
    for block in blocks:
        match block:
            case Table(rows=rows):
                for row in rows:
                    for column, text in enumerate(row, start=1):
                        _set_cell(sheet, row_number, column, text)
                    row_number += 1
            case Paragraph(text=text):
                sheet.cell(row_number, 1, text)
                row_number += 1
            case other:
                raise ValueError(f"a sheet can not hold a {type(other).__name__}")
        row_number += 1


def _set_cell(sheet: Worksheet, row: int, column: int, text: str) -> None:
    number = _NUMBER.fullmatch(text)
    if number is None:
        sheet.cell(row, column, text)
        return
    cell = sheet.cell(row, column, float(text) if number[1] else int(text))
    if number[1]:
        cell.number_format = f"0.{'0' * len(number[1])}"


def _modified_at(archive: io.BytesIO, source: Source) -> io.BytesIO:
    """The same workbook, last changed at the source's date: openpyxl writes the time of the build."""
    moment = f"{source.date:%Y-%m-%dT%H:%M:%SZ}".encode()
    written = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _MODIFIED.sub(rb"\g<1>" + moment + rb"\g<2>", content)
            new.writestr(name, content)
    return written


_WRITERS: dict[str, Callable[[Source], bytes]] = {
    ".pdf": lambda source: pdf_bytes(source, creator="AURA golden set"),
    ".docx": docx_bytes,
    ".pptx": pptx_bytes,
    ".xlsx": xlsx_bytes,
}


def build(into: Path) -> tuple[Path, ...]:
    """Writes every built file of the golden set below `into`, and returns their paths.

    Raises:
        ValueError: a source's name says no format that is built, or the format can not hold what is in it.
    """
    written: list[Path] = []
    for path in sorted(SOURCES.glob("*/*.md")):
        target = into / path.parent.name / path.stem
        if target.suffix not in _WRITERS:
            raise ValueError(f"{path.name!r}: name it NAME.FORMAT.md, with one of {', '.join(_WRITERS)}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_WRITERS[target.suffix](parse(path.read_text(encoding="utf-8"))))
        written.append(target)
    return tuple(written)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the office files and PDFs of the golden set.")
    parser.add_argument("--into", type=Path, default=TARGET)
    for path in build(parser.parse_args().into):
        sys.stdout.write(f"{path}  {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
