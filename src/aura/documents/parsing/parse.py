"""From a file to its canonical text and elements, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from aura.documents.formats import Format
from aura.documents.parsing.elements import Block, Category, TextWriter
from aura.documents.parsing.encoding import text_encoding
from aura.documents.parsing.mail import mail_blocks
from aura.documents.parsing.partition import (
    OCR_INSTALL,
    docx_blocks,
    html_blocks,
    markdown_blocks,
    ocr_blocks,
    pptx_blocks,
)
from aura.documents.parsing.pdf import pdf_blocks
from aura.documents.parsing.plain import write_plain
from aura.documents.parsing.sheets import csv_blocks, xlsx_blocks
from aura.documents.parsing.values import json_blocks
from aura.errors import InvalidRequest

_LARGEST_MARKDOWN = 4 * 1024 * 1024
"""Bytes. A larger file is streamed as plain text, whose headings and lists are marked alike; rendering it first would
take its size in memory many times over."""


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a parse wrote. `pages` is None for formats without pages."""

    characters: int
    pages: int | None
    pages_without_text: int


def parse(source: Path, format: Format, out_dir: Path, *, ocr: bool = False) -> Parsed:
    """Write the canonical text and the elements of `source` into the folder `out_dir`.

    Args:
        ocr: read the pages of a PDF that have no text by OCR (the extra `ocr`).

    Raises:
        InvalidRequest: the file is damaged, encrypted, or has no text.

    Cost: memory stays flat for PDF, text, CSV, XLSX, JSON Lines and big JSON; the others are held once.
    """
    pages = _PageCount()
    with TextWriter(out_dir) as writer:
        blocks = _blocks(source, format, ocr=ocr)
        if blocks is None:
            write_plain(source, text_encoding(source), writer)
        else:
            for block in blocks:
                pages.see(block)
                writer.add(block)
    if not writer.elements:
        raise _empty(format, pages, ocr=ocr)
    return Parsed(characters=writer.characters, pages=pages.total, pages_without_text=pages.without_text)


def _blocks(source: Path, format: Format, *, ocr: bool) -> Iterator[Block] | None:
    """The blocks of a file, or None for one that is to be read as plain text."""
    match format:
        case Format.PDF:
            return pdf_blocks(source, recognise=ocr_blocks if ocr else None)
        case Format.DOCX:
            return docx_blocks(source)
        case Format.PPTX:
            return pptx_blocks(source)
        case Format.XLSX:
            return xlsx_blocks(source)
        case Format.EML:
            return mail_blocks(source)
        case Format.CSV:
            return csv_blocks(source, text_encoding(source))
        case Format.HTML:
            return html_blocks(source.read_text(encoding=text_encoding(source)))
        case Format.JSON:
            return json_blocks(source, text_encoding(source))
        case Format.MD if source.stat().st_size <= _LARGEST_MARKDOWN:
            return markdown_blocks(source.read_text(encoding=text_encoding(source)))
        case Format.MD | Format.TXT:
            return None


def _empty(format: Format, pages: _PageCount, *, ocr: bool) -> InvalidRequest:
    if format is Format.PDF and not ocr:
        return InvalidRequest(
            f"none of its {pages.total} pages has text; if they are scanned, install OCR ({OCR_INSTALL}) and try again",
            may_pass=True,
        )
    return InvalidRequest("it has no text")


class _PageCount:
    """Counts the pages that blocks tell of, and those that no text followed."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.without_text = 0
        self._open = False

    def see(self, block: Block) -> None:
        if block.category is Category.PAGE:
            self.without_text += 1
            self._open = True
        elif self._open and block.text.strip():
            self.without_text -= 1
            self._open = False
        if block.page is not None:
            self.total = max(self.total or 0, block.page)
