"""What a parser hands on: blocks in reading order, and the two files they become.

`text.txt` is the canonical text: UTF-8, LF newlines, no control characters but tab and newline. `elements.jsonl` has a
line per block with its character span in that text. Both are written and read front to back, so neither is ever whole
in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

TEXT_FILE = "text.txt"
ELEMENTS_FILE = "elements.jsonl"
LARGEST_ELEMENT = 32 * 1024
"""Characters. A longer paragraph is written as several elements, so that readers need only little memory."""

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]")
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Category(StrEnum):
    """What a block is. `PAGE` only marks that a page begins; it has no text."""

    TITLE = "title"
    TEXT = "text"
    LIST_ITEM = "list_item"
    TABLE = "table"
    CODE = "code"
    PAGE = "page"


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a document as its parser found it.

    `depth` is a title's level, 1 the highest. A table is one block per row: `row` counts from 0, and `header` marks
    the row that names the columns. `separator` stands between this block and the one before it.
    """

    category: Category
    text: str
    page: int | None = None
    depth: int | None = None
    row: int | None = None
    header: bool = False
    separator: str = "\n\n"


class Element(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A block's place in the canonical text: `text[start:end]`, in characters."""

    category: Category
    start: int
    end: int
    page: int | None = None
    depth: int | None = None
    row: int | None = None
    header: bool = False


def clean(text: str) -> str:
    """`text` with LF newlines and without control characters, byte order marks and lone surrogates."""
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    return _SURROGATES.sub("\ufffd", text)


def table_rows(
    rows: Iterable[Sequence[str]], *, page: int | None = None, header: bool | None = None
) -> Iterator[Block]:
    """The rows of one table as blocks, cells joined by ` | `.

    With `header` None, the first row counts as the header when it looks like one.
    """
    number = 0
    waiting: Sequence[str] | None = None
    for row in rows:
        if number == 0 and waiting is None and header is None:
            waiting = row
            continue
        if waiting is not None:
            yield _row(waiting, 0, page, header=looks_like_header(waiting, row))
            waiting, number = None, 1
        yield _row(row, number, page, header=bool(header) and number == 0)
        number += 1
    if waiting is not None:
        yield _row(waiting, 0, page, header=False)


def looks_like_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether `first` names the columns of `second`: short distinct labels without a number, and at least two."""
    labels = [cell.strip() for cell in first if cell.strip()]
    return (
        len(labels) >= 2
        and len(labels) >= sum(bool(cell.strip()) for cell in second) - 1
        and len(set(labels)) == len(labels)
        and all(len(label) <= 60 and not label[0].isdigit() for label in labels)
    )


def _row(cells: Sequence[str], number: int, page: int | None, *, header: bool) -> Block:
    text = " | ".join(" ".join(cell.split()) for cell in cells)
    return Block(
        category=Category.TABLE,
        text=text.rstrip(" |"),
        page=page,
        row=number,
        header=header,
        separator="\n" if number else "\n\n",
    )


class TextWriter:
    """Writes the canonical text and its elements into a folder; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._text = (folder / TEXT_FILE).open("w", encoding="utf-8", newline="\n")
        self._elements = (folder / ELEMENTS_FILE).open("wb", buffering=256 * 1024)
        self._encoder = msgspec.json.Encoder()
        self.characters = 0
        """How long the text is so far."""
        self.elements = 0
        """How many elements it has so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._text.close()
        self._elements.close()

    def add(self, block: Block) -> None:
        """Append a block; one without visible text is left out. A very long one becomes several elements."""
        text = clean(block.text).strip()
        if not text:
            return
        if self.characters:
            self.write(block.separator)
        start = self.characters
        self.write(text)
        for low, high in bounded_spans(text):
            self.place(
                Element(
                    category=block.category if low == 0 or block.category is not Category.TITLE else Category.TEXT,
                    start=start + low,
                    end=start + high,
                    page=block.page,
                    depth=block.depth,
                    row=block.row,
                    header=block.header and low == 0,
                )
            )

    def write(self, text: str) -> None:
        """Append clean text that belongs to no element yet."""
        self._text.write(text)
        self.characters += len(text)

    def place(self, element: Element) -> None:
        """Append an element whose text is written, or is being written."""
        self._elements.write(self._encoder.encode(element))
        self._elements.write(b"\n")
        self.elements += 1


def bounded_spans(text: str, largest: int = LARGEST_ELEMENT) -> Iterator[tuple[int, int]]:
    """Spans that cover `text` but for the white space between them, none longer than `largest`."""
    start = 0
    while len(text) - start > largest:
        cut = last_break(text, start, start + largest)
        yield start, cut
        start = cut
        while start < len(text) and text[start].isspace():
            start += 1
    if start < len(text):
        yield start, len(text)


def last_break(text: str, start: int, limit: int) -> int:
    """The best place in `text[start:limit]` to cut: after its last line, sentence, word or comma, else the limit."""
    for mark in ("\n", ". ", " ", ","):
        found = text.rfind(mark, start + (limit - start) // 2, limit)
        if found > start:
            return found + 1
    return limit


def read_elements(folder: Path) -> Iterator[Element]:
    """The elements of a parsed document, in order, read as they are asked for."""
    decoder = msgspec.json.Decoder(Element)
    with (folder / ELEMENTS_FILE).open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)
