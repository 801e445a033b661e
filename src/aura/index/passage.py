"""A passage: what retrieval finds and an answer cites."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import msgspec

from aura.identity import DocumentId


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A found piece of a document, with the scores that found it.

    `text` is exactly `document_text[start:end]` of that version. `score` orders the results of one query and does not
    compare between queries; `dense_score` is a cosine (−1 … 1) and `bm25_score` a BM25 sum, None where that leg did not
    return the passage among its candidates. `remembered`: it is no document's, but what the user said in the message
    `document_id`.
    """

    chunk_id: str
    document_id: DocumentId
    version: int
    filename: str
    page: int | None
    start: int
    end: int
    heading: tuple[str, ...] = ()
    text: str
    score: float
    dense_score: float | None = None
    bm25_score: float | None = None
    remembered: bool = False

    @property
    def place(self) -> str:
        """Where it stands, for a reader: the file's name and, if it has pages, the page."""
        return self.filename if self.page is None else f"{self.filename} p. {self.page}"

    def _repr_html_(self) -> str:
        legs = " · ".join(
            f"{name} {value:.3f}"
            for name, value in (("score", self.score), ("dense", self.dense_score), ("bm25", self.bm25_score))
            if value is not None
        )
        return (
            f"<blockquote><b>{escape(self.place)}</b> <small>{escape(' › '.join(self.heading))} {legs}</small>"
            f"<p>{escape(self.text)}</p></blockquote>"
        )


class SearchTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, best first, and where its time went: in the query's embedding, and in the database."""

    passages: tuple[Passage, ...]
    embedding_seconds: float
    search_seconds: float


def embedded_text(heading: Sequence[str], text: str) -> str:
    """What is embedded and indexed of a chunk: its heading path, a newline, its text."""
    return f"{' > '.join(heading)}\n{text}" if heading else text
