"""Digital PDFs through pypdfium2, one page in memory at a time: their lines, with where and how large they stand."""

from __future__ import annotations

import ctypes
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from aura.documents.parsing.elements import Block, Category
from aura.documents.parsing.layout import COLUMN_GAP, PAGE_NUMBER, Cell, Line, Style, page_blocks, running_key, style_of
from aura.errors import InvalidRequest

if TYPE_CHECKING:
    import pypdfium2

_SAMPLED_PAGES = 24
_PASSWORD_ERROR = 4
_LETTER = re.compile(r"[^\W_]")

Recognise = Callable[["pypdfium2.PdfPage", int], Iterator[Block]]
"""Reads a page that holds only an image; given the page and its number."""


def pdf_blocks(path: Path, *, recognise: Recognise | None = None) -> Iterator[Block]:
    """The blocks of a PDF; each page begins with a `PAGE` block.

    Args:
        recognise: reads pages without text; without it they stay empty.

    Raises:
        InvalidRequest: it is encrypted or damaged.
    """
    document = _open(path)
    try:
        style = style_of([_lines(document, index) for index in _sample(len(document))])
        running = _Running(style)
        last: Block | None = None
        for index in range(len(document)):
            number = index + 1
            yield Block(category=Category.PAGE, text="", page=number)
            lines = _lines(document, index)
            new, text = running.part(lines)
            if new:
                yield Block(category=Category.TEXT, text="\n".join(line.text for line in new), page=number)
                last = None
            for block in page_blocks(text, style, number):
                yield _continued(last, block)
                last = block
            if not lines and recognise is not None:
                page = document[index]
                try:
                    yield from recognise(page, number)
                finally:
                    page.close()
    finally:
        document.close()


def _open(path: Path) -> pypdfium2.PdfDocument:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR or "assword" in str(error):
            raise InvalidRequest("the PDF is encrypted; save it without a password and try again") from error
        raise InvalidRequest("the PDF is damaged and can not be opened; export or print it to PDF again") from error


def _sample(pages: int) -> range:
    """Pages spread evenly over a document."""
    return range(0, pages, max(1, pages // _SAMPLED_PAGES))


class _Running:
    """Parts page headers and footers from the text. Each is handed on where it comes first, and page numbers never."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._seen: set[tuple[str, int]] = set()

    def part(self, lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
        """The headers and footers of a page that were not there before, and its text."""
        new: list[Line] = []
        text: list[Line] = []
        for line in lines:
            key = running_key(line, self._style.body)
            if key is None or key not in self._style.running:
                text.append(line)
            elif key not in self._seen and not PAGE_NUMBER.fullmatch(line.text):
                self._seen.add(key)
                new.append(line)
        return new, text


def _continued(last: Block | None, block: Block) -> Block:
    """`block`, joined to the last one of the page before it if their sentence goes over the page's end."""
    if (
        last is not None
        and last.page != block.page
        and last.category in (Category.TEXT, Category.LIST_ITEM)
        and block.category is Category.TEXT
        and (last.text[-1:].isalnum() or last.text.endswith(","))
        and block.text[:1].islower()
    ):
        return msgspec.structs.replace(block, separator=" ")
    return block


def _lines(document: pypdfium2.PdfDocument, index: int) -> list[Line]:
    """The lines of one page in the order of its content; none where the page can not be read."""
    import pypdfium2

    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return []
    try:
        textpage = page.get_textpage()
        try:
            return _text_lines(textpage)
        finally:
            textpage.close()
    except pypdfium2.PdfiumError:
        return []
    finally:
        page.close()


def _text_lines(textpage: pypdfium2.PdfTextPage) -> list[Line]:
    lines: list[Line] = []
    position = 0
    for text in textpage.get_text_range().split("\r\n"):
        if text.strip():
            lines.append(_line(textpage, text, position))
        position += _utf16_length(text) + 2
    return lines


def _line(textpage: pypdfium2.PdfTextPage, text: str, position: int) -> Line:
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip()) - 1
    left = _box(textpage, position + begin)[0]
    right = _box(textpage, position + _utf16_length(text[:end]))[2]
    # A bullet may be of another font and size than its text, and so may a word within it.
    letter = _LETTER.search(text)
    first, middle, last = (
        position + _utf16_length(text[:index])
        for index in (letter.start() if letter else begin, (begin + end) // 2, end)
    )
    boxes = [_box(textpage, place) for place in (first, middle, last)]
    # The box's height, not `FPDFText_GetFontSize`: that is 1 in the many files that scale their text by a matrix.
    size = round(statistics.median(top - bottom for _, bottom, _, top in boxes) * 2) / 2
    cells = (Cell(text.strip(), left, right),)
    # Running text has less than half its height per character; a line that is wider may have gaps in it.
    if right - left > 0.4 * size * len(text):
        cells = _cells(textpage, text, position, size * COLUMN_GAP)
    return Line(
        text=text.strip(),
        left=left,
        right=right,
        bottom=boxes[0][1],
        last_bottom=boxes[-1][1],
        size=size,
        bold=_is_bold(textpage, first) and _is_bold(textpage, last),
        cells=cells,
    )


def _cells(textpage: pypdfium2.PdfTextPage, text: str, position: int, gap: float) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    begin = len(text) - len(text.lstrip())
    left = _box(textpage, position + begin)[0]
    for space in re.finditer(r"\s+", text):
        low, high = space.span()
        if low == 0 or high == len(text):
            continue
        before = _box(textpage, position + _utf16_length(text[:low]) - 1)
        after = _box(textpage, position + _utf16_length(text[:high]))
        if after[0] - before[2] > gap:
            cells.append(Cell(text[begin:low].strip(), left, before[2]))
            begin, left = high, after[0]
    right = _box(textpage, position + _utf16_length(text.rstrip()) - 1)[2]
    cells.append(Cell(text[begin:].strip(), left, right))
    return tuple(cells)


def _utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _character(textpage: pypdfium2.PdfTextPage, position: int) -> int:
    import pypdfium2.raw as pdfium

    return max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(textpage, position))


def _box(textpage: pypdfium2.PdfTextPage, position: int) -> tuple[float, float, float, float]:
    import pypdfium2

    try:
        return textpage.get_charbox(_character(textpage, position), loose=True)
    except pypdfium2.PdfiumError:
        return (0.0, 0.0, 0.0, 0.0)


def _is_bold(textpage: pypdfium2.PdfTextPage, position: int) -> bool:
    import pypdfium2.raw as pdfium

    index = _character(textpage, position)
    if pdfium.FPDFText_GetFontWeight(textpage, index) >= 600:
        return True
    # The fonts that every viewer brings along carry no weight; their names tell it.
    name = ctypes.create_string_buffer(128)
    length = pdfium.FPDFText_GetFontInfo(textpage, index, name, 128, None)
    return 0 < length <= 128 and any(word in name.value.lower() for word in (b"bold", b"black", b"heavy"))
