"""Plain text, streamed: the text is kept as it is, and paragraphs, headings and list items are found in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from aura.documents.parsing.elements import LARGEST_ELEMENT, Category, Element, TextWriter, clean, last_break

LARGEST_PIECE = LARGEST_ELEMENT // 4

_MARKDOWN_HEADING = re.compile(r"(#{1,6})[ \t]+(?=\S)")
_UNDERLINE = re.compile(r"={3,}|-{3,}")
_LIST_ITEM = re.compile(r"(?:[-*+•◦▪‣●–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]+\S")
_FENCE = "```"


def write_plain(path: Path, encoding: str, writer: TextWriter) -> None:
    """Write a text file's own text and the elements found in it. Memory: one paragraph."""
    with path.open(encoding=encoding, newline=None) as stream:
        for element in find_elements(_written(read_pieces(stream), writer)):
            writer.place(element)


def _written(pieces: Iterable[str], writer: TextWriter) -> Iterator[str]:
    for piece in pieces:
        text = clean(piece)
        writer.write(text)
        yield text


def read_pieces(stream: TextIO) -> Iterator[str]:
    """The lines of a stream with their ends; a very long line in several pieces, cut between words where it has any."""
    kept = ""
    while True:
        line = stream.readline(LARGEST_PIECE - len(kept))
        piece = kept + line
        if not piece:
            return
        kept = ""
        if len(piece) >= LARGEST_PIECE and not piece.endswith("\n"):
            cut = last_break(piece, 0, len(piece))
            piece, kept = piece[:cut], piece[cut:]
        yield piece


def find_elements(pieces: Iterable[str]) -> Iterator[Element]:
    """The paragraphs, headings, list items and code blocks of text that comes in pieces; spans count from its start.

    Headings are marked by `#`, underlined, or a line of its own in CAPITALS.
    """
    paragraph = _Paragraph()
    offset = 0
    after_blank = True
    for piece in pieces:
        line = piece.strip()
        start = offset + len(piece) - len(piece.lstrip())
        offset += len(piece)
        if paragraph.category is Category.CODE:
            paragraph.append(start, line)
            if line.startswith(_FENCE) or paragraph.length >= LARGEST_ELEMENT - LARGEST_PIECE:
                yield from paragraph.finish(code_goes_on=not line.startswith(_FENCE))
        elif not line:
            yield from paragraph.finish(alone=True)
        elif line.startswith(_FENCE):
            yield from paragraph.finish()
            paragraph.begin(Category.CODE, start, line)
        elif after_blank and (heading := _MARKDOWN_HEADING.match(line)):
            yield from paragraph.finish()
            yield _title(start + heading.end(), start + len(line), len(heading[1]))
        elif len(paragraph.lines) == 1 and paragraph.category is Category.TEXT and _UNDERLINE.fullmatch(line):
            yield paragraph.as_title(1 if line.startswith("=") else 2)
        elif _LIST_ITEM.match(line) and piece.endswith(("\n", "\r")):
            yield from paragraph.finish()
            paragraph.begin(Category.LIST_ITEM, start, line)
        else:
            paragraph.append(start, line)
            if paragraph.length >= LARGEST_ELEMENT - LARGEST_PIECE:
                yield from paragraph.finish()
        after_blank = not line
    yield from paragraph.finish(alone=True)


def _title(start: int, end: int, depth: int) -> Element:
    return Element(category=Category.TITLE, start=start, end=end, depth=depth)


class _Paragraph:
    """The lines of the element that is being read."""

    def __init__(self) -> None:
        self.category = Category.TEXT
        self.lines: list[str] = []
        self.start = self.end = 0

    @property
    def length(self) -> int:
        return self.end - self.start

    def begin(self, category: Category, start: int, line: str) -> None:
        self.category, self.lines = category, []
        self.append(start, line)

    def append(self, start: int, line: str) -> None:
        if not self.lines:
            self.start = start
        if len(self.lines) < 2:
            self.lines.append(line)
        self.end = start + len(line)

    def finish(self, *, alone: bool = False, code_goes_on: bool = False) -> Iterator[Element]:
        """The element, if any line was read; `alone` says that a blank line or the end follows it."""
        if self.lines:
            if alone and self.category is Category.TEXT and len(self.lines) == 1 and _in_capitals(self.lines[0]):
                yield self.as_title(2)
            else:
                yield Element(category=self.category, start=self.start, end=self.end)
        self.lines = []
        self.category = Category.CODE if code_goes_on else Category.TEXT

    def as_title(self, depth: int) -> Element:
        title = _title(self.start, self.end, depth)
        self.lines, self.category = [], Category.TEXT
        return title


def _in_capitals(line: str) -> bool:
    return (
        line.isupper()
        and sum(character.isalpha() for character in line) >= 3
        and len(line) <= 80
        and len(line.split()) <= 10
        and not line.endswith((".", ",", ";", ":", "!", "?"))
    )
