"""From a parsed document to chunks: spans of its text that fit the embedding model and read well on their own."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from aura.documents.parsing.elements import TEXT_FILE, Category, Element, read_elements
from aura.documents.parsing.plain import find_elements, read_pieces
from aura.documents.pieces import Piece, before_joined, cut
from aura.documents.tokens import TokenCounter
from aura.index.passage import embedded_text

_READ_CHARACTERS = 64 * 1024
_CHARACTERS_PER_TOKEN = 8
"""Text with more characters per token than this is not prose (a long run of base64 is one unknown token to WordPiece),
and its chunks are bounded by characters instead."""


class ChunkDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk of a document that has no identity yet. `text` is exactly `document_text[start:end]`.

    `heading` is the path of headings above it, shortened to fit; `tokens` counts what is embedded, heading included.
    """

    ordinal: int
    page: int | None
    start: int
    end: int
    heading: tuple[str, ...]
    text: str
    tokens: int


class Splitter:
    """Splits documents into chunks. One instance serves any number of documents, in several threads too.

    Args:
        count: the embedding model's token counter (`aura.documents.tokens.token_counter`).
        target_tokens: how large chunks should be, at most `max_tokens`; neighbours under one heading are merged up to
            it.
        max_tokens: what a chunk never exceeds, heading included. MiniLM cuts at 256 with its two special tokens.
    """

    def __init__(self, count: TokenCounter, *, target_tokens: int = 180, max_tokens: int = 254) -> None:
        if min(target_tokens, max_tokens) < 8:
            raise ValueError(f"target_tokens {target_tokens} and max_tokens {max_tokens} must be at least 8")
        self._count = count
        self._target_tokens = min(target_tokens, max_tokens)
        self._max_tokens = max_tokens

    def split(self, out_dir: Path) -> Iterator[ChunkDraft]:
        """The chunks of a document that `parse` wrote into `out_dir`, in order, with flat memory."""
        with (out_dir / TEXT_FILE).open(encoding="utf-8", newline="") as stream:
            yield from self._split(read_elements(out_dir), stream)

    def split_text(self, text: str) -> Iterator[ChunkDraft]:
        """The chunks of a plain text, read like a TXT file but left as it is, line ends included."""
        elements = find_elements(read_pieces(io.StringIO(text, newline="")))
        return self._split(elements, io.StringIO(text, newline=""))

    def _split(self, elements: Iterable[Element], stream: TextIO) -> Iterator[ChunkDraft]:
        packer = _Packer(_Window(stream), self._count, self._target_tokens, self._max_tokens)
        for element in elements:
            yield from packer.title(element) if element.category is Category.TITLE else packer.body(element)
        yield from packer.finish()


class _Window:
    """The part of a long text that is in use, read forwards."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._base = 0

    def slice(self, start: int, end: int) -> str:
        missing = end - self._base - len(self._text)
        if missing > 0:
            self._text += self._stream.read(max(missing, _READ_CHARACTERS))
        return self._text[start - self._base : end - self._base]

    def forget(self, before: int) -> None:
        if before - self._base > _READ_CHARACTERS:
            self._text = self._text[before - self._base :]
            self._base = before


class _Title:
    """A heading above the text that is being read, and whether a chunk shows it already."""

    def __init__(self, element: Element, text: str) -> None:
        self.element = element
        self.depth = element.depth or 1
        self.text = text
        self.shown = False


class _Packer:
    """Packs elements into chunks: what is pending is one chunk, until the next piece does not fit."""

    def __init__(self, window: _Window, count: TokenCounter, target_tokens: int, max_tokens: int) -> None:
        self._window = window
        self._count = count
        self._target_tokens = target_tokens
        self._max_tokens = max_tokens
        self._max_characters = max_tokens * _CHARACTERS_PER_TOKEN
        self._titles: list[_Title] = []
        self._table_header: str | None = None
        self._fitted: tuple[tuple[str, ...], tuple[str, ...], int] = ((), (), 0)
        self._pending: list[Piece] = []
        self._tokens = 0
        self._heading: tuple[str, ...] = ()
        self._under_header = False
        self._budget = max_tokens
        self._page: int | None = None
        self._last = Element(category=Category.TITLE, start=0, end=0)
        self._ordinal = 0

    def title(self, element: Element) -> Iterator[ChunkDraft]:
        """Close the chunk before a heading, and put the heading on the path of what follows."""
        yield from self._flush()
        yield from self._leave(element.depth or 1)
        self._table_header = None
        self._titles.append(_Title(element, self._window.slice(element.start, element.end)))
        self._window.forget(element.start)
        self._last = element

    def body(self, element: Element) -> Iterator[ChunkDraft]:
        """Add an element's pieces to the pending chunk, and close it as often as it is full."""
        text = self._window.slice(element.start, element.end)
        if self._pending and self._must_part(element, text):
            yield from self._flush()
        if element.category is not Category.TABLE or element.row == 0:
            self._table_header = None
        heading, used = self._fit(self._path())
        budget = self._max_tokens - used
        wanted = min(self._target_tokens, budget)
        for piece in cut(
            text, base=element.start, wanted=wanted, limit=budget, characters=self._max_characters, count=self._count
        ):
            if self._pending and not self._fits(piece):
                yield from self._flush()
            if not self._pending:
                self._heading, self._budget, self._page = heading, budget, element.page
                self._under_header = self._table_header is not None
            self._pending.append(piece)
            self._tokens += piece.tokens
        if element.header:
            self._table_header = " ".join(text.split())
        self._window.forget(self._pending[0].start if self._pending else element.end)
        self._last = element

    def finish(self) -> Iterator[ChunkDraft]:
        """Close the last chunk; headings that nothing followed become chunks themselves."""
        yield from self._flush()
        yield from self._leave(0)

    def _must_part(self, element: Element, text: str) -> bool:
        """Whether an element may not share the pending chunk: another page, unless its sentence goes on there, or the
        end of a table whose header is in the chunk's heading."""
        if element.page != self._page:
            before = self._window.slice(self._last.end - 1, self._last.end)
            prose = self._last.category in (Category.TEXT, Category.LIST_ITEM) and element.category is Category.TEXT
            return not (prose and (before.isalnum() or before == ",") and text[:1].islower())
        return self._under_header and (element.category is not Category.TABLE or element.row == 0)

    def _fits(self, piece: Piece) -> bool:
        tokens = self._tokens + piece.tokens
        if tokens > self._budget or piece.end - self._pending[0].start > self._max_characters:
            return False
        return tokens <= self._target_tokens or min(self._tokens, piece.tokens) <= self._target_tokens // 4

    def _flush(self) -> Iterator[ChunkDraft]:
        if not self._pending:
            return
        pending, self._pending, self._tokens = self._pending, [], 0
        for title in self._titles:
            title.shown = True
        text = self._window.slice(pending[0].start, pending[-1].end)
        yield from self._drafts(pending, text, self._heading, self._page)

    def _drafts(
        self, pieces: Sequence[Piece], text: str, heading: tuple[str, ...], page: int | None
    ) -> Iterator[ChunkDraft]:
        """One chunk; more only where a tokenizer makes more of the whole than of its pieces together."""
        start = pieces[0].start
        tokens = self._count(embedded_text(heading, text))
        middle = len(pieces) // 2 or 1
        if tokens <= self._max_tokens or len(text) < 2:
            yield ChunkDraft(
                ordinal=self._ordinal,
                page=page,
                start=start,
                end=pieces[-1].end,
                heading=heading,
                text=text,
                tokens=tokens,
            )
            self._ordinal += 1
            return
        if len(pieces) == 1:
            at = start + before_joined(text, len(text) // 2, 0)
            pieces = (Piece(start=start, end=at, tokens=0), Piece(start=at, end=pieces[0].end, tokens=0))
        for half in (pieces[:middle], pieces[middle:]):
            yield from self._drafts(half, text[half[0].start - start : half[-1].end - start], heading, page)

    def _leave(self, depth: int) -> Iterator[ChunkDraft]:
        """Drop the headings of `depth` and below. One that no chunk shows becomes a chunk, so that no text is lost."""
        while self._titles and self._titles[-1].depth >= depth:
            title = self._titles.pop()
            if title.shown:
                continue
            element = title.element
            yield from self.body(
                Element(category=Category.TEXT, start=element.start, end=element.end, page=element.page)
            )
            yield from self._flush()

    def _title_path(self) -> tuple[str, ...]:
        return tuple(" ".join(title.text.split()) for title in self._titles)

    def _path(self) -> tuple[str, ...]:
        return self._title_path() + ((self._table_header,) if self._table_header is not None else ())

    def _fit(self, path: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        """A heading path shortened from the top to a third of a chunk, and the tokens that it takes with its newline."""
        if path != self._fitted[0]:
            most = self._max_tokens // 3
            kept = path
            while len(kept) > 1 and self._count(embedded_text(kept, "")) > most:
                kept = kept[1:]
            if kept and self._count(kept[0]) > most:
                kept = (self._beginning(kept[0], most),)
            self._fitted = (path, kept, self._count(embedded_text(kept, "")) + 1 if kept else 0)
        return self._fitted[1], self._fitted[2]

    def _beginning(self, heading: str, most: int) -> str:
        """As much of a heading as has at most `most` tokens."""
        end = tokens = 0
        for piece in cut(heading, base=0, wanted=most, limit=most, characters=self._max_characters, count=self._count):
            tokens += piece.tokens
            if tokens > most:
                break
            end = piece.end
        return heading[:end]
