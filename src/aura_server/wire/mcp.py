"""What the MCP tools take and give."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aura.answering.events import Answer
from aura_server.wire.chat import CitationResponse
from aura_server.wire.documents import PassagesResponse

_COLLECTION = "Look in this collection alone: its name or id. All that you may see, when left out."


class SearchArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `search` takes."""

    query: Annotated[str, Meta(description="What to look for, in words.")]
    limit: Annotated[int, Meta(ge=1, le=100, description="The most passages.")] = 10
    collection: Annotated[str | None, Meta(description=_COLLECTION)] = None


class AskArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `ask` takes."""

    question: Annotated[str, Meta(description="The question, understandable without anything said before.")]
    collection: Annotated[str | None, Meta(description=_COLLECTION)] = None


class AskResult(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `citations` prove the markers `[n]` of `answer`; `refused` where nothing supports an answer."""

    answer: str
    refused: bool
    citations: tuple[CitationResponse, ...]

    @classmethod
    def of(cls, answer: Answer) -> AskResult:
        """`answer` on the wire."""
        cited = tuple(CitationResponse.of(citation) for citation in answer.citations)
        return cls(answer=answer.text, refused=answer.refused, citations=cited)


def search_text(found: PassagesResponse) -> str:
    """What was found, for clients that read text alone."""
    places = (f"{each.filename}{'' if each.page is None else f' p. {each.page}'}" for each in found.items)
    passages = (
        f"[{n}] {place}\n{each.text}" for n, (place, each) in enumerate(zip(places, found.items, strict=True), 1)
    )
    return "\n\n".join(passages) or "Nothing was found."


def schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of a structure, an object at its top as MCP wants it, with what it refers to inside it."""
    _, components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    own = components.pop(kind.__name__)
    return {**own, "$defs": components} if components else own
