"""What is measured: AURA through its library, or a deployed server through HTTP. Both answer in the same values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from aura import Answer, Passage, Workspace
from aura.identity import DocumentId
from aura_evals.errors import BadInput
from aura_evals.golden import folded
from aura_evals.suite import Leg
from aura_evals.timings import Timings

_MARKER = re.compile(r"\s*\[\d+\]")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that a search found."""

    document: str
    text: str


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    """A citation of an answer."""

    marker: int
    document_id: str
    document: str
    start: int
    end: int
    quote: str


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `sources` are the passages it could draw on, or None where the target does not say."""

    text: str
    refused: bool
    citations: tuple[Cited, ...] = ()
    sources: tuple[Found, ...] | None = None

    @property
    def spoken(self) -> str:
        """The text without its markers."""
        return _MARKER.sub("", self.text)


class Target(Protocol):
    """One organisation's assistant, to be asked."""

    async def ask(self, question: str, turns: Sequence[str] = ()) -> Answered:
        """The answer to a question, after the user's earlier messages of the same conversation."""
        ...

    async def search(self, query: str, *, limit: int, leg: Leg) -> list[Found]:
        """The best passages for a query, best first."""
        ...

    async def text(self, document_id: str) -> str:
        """The text that a document's citations point into."""
        ...


class LibraryTarget:
    """AURA's library."""

    def __init__(self, workspace: Workspace, timings: Timings | None = None) -> None:
        self._workspace = workspace
        self._timings = timings or Timings()
        self._texts: dict[str, str] = {}

    async def ask(self, question: str, turns: Sequence[str] = ()) -> Answered:
        """See `Target`. Only questions with turns before them are kept in a conversation."""
        if not turns:
            with self._timings.measure("ask"):
                return _answered(await self._workspace.ask(question))
        conversation = await self._workspace.conversations.start()
        try:
            for turn in turns:
                await self._workspace.ask(turn, conversation=conversation)
            return _answered(await self._workspace.ask(question, conversation=conversation))
        finally:
            await self._workspace.conversations.delete(conversation)

    async def search(self, query: str, *, limit: int, leg: Leg) -> list[Found]:
        """See `Target`. `rerank` is what an answer to the query may draw on, in its order."""
        if leg == "rerank":
            return [_found(passage) for passage in (await self._workspace.ask(query)).sources]
        with self._timings.measure(f"search {leg}"):
            return [_found(passage) for passage in await self._workspace.search(query, limit=limit, mode=leg)]

    async def text(self, document_id: str) -> str:
        """See `Target`."""
        if document_id not in self._texts:
            self._texts[document_id] = await self._workspace.documents.text(DocumentId(UUID(document_id)))
        return self._texts[document_id]


def covers(found: Found, document: str, quote: str) -> bool:
    """Whether a passage holds a quote of a document, or at least the first or the second half of it."""
    if found.document != document:
        return False
    text, words = folded(found.text), folded(quote).split()
    if " ".join(words) in text:
        return True
    half = len(words) // 2
    return half >= 3 and (" ".join(words[:half]) in text or " ".join(words[half:]) in text)


def refuse_unmeasurable(leg: Leg) -> None:
    """Raise `BadInput`: over HTTP only the fused search can be asked."""
    if leg != "hybrid":
        raise BadInput(f"a server is searched in both legs at once: --http measures `hybrid`, not {leg!r}")


def _found(passage: Passage) -> Found:
    return Found(document=passage.filename, text=passage.text)


def _answered(answer: Answer) -> Answered:
    return Answered(
        text=answer.text,
        refused=answer.refused,
        citations=tuple(
            Cited(
                marker=each.marker,
                document_id=str(each.document_id),
                document=each.filename,
                start=each.start,
                end=each.end,
                quote=each.quote,
            )
            for each in answer.citations
        ),
        sources=tuple(_found(passage) for passage in answer.sources),
    )
