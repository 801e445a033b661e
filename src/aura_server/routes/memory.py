"""What AURA knows of the caller from their own words: to be seen, put right, taken along and erased."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from litestar import delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from aura.memory.exporting import Format
from aura.memory.values import MemorySettings
from aura.usage.audit import Action
from aura.workspace import Workspace
from aura_server.auditing import Record
from aura_server.routes.documents import Cursor, Limit
from aura_server.wire.common import Items, ReceiptResponse, items_of
from aura_server.wire.memory import FactRequest, FactResponse, SummaryResponse, WhyResponse

_TAGS = ["memory"]
MEDIA_TYPES: dict[str, str] = {"jsonl": "application/jsonl", "html": "text/html; charset=utf-8"}
"""Of an export, by its format."""


@get("/memory/facts", tags=_TAGS)
async def facts(
    workspace: NamedDependency[Workspace],
    status: FromQuery[Literal["live", "superseded", "all"]] = "live",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Items[FactResponse]:
    """What the caller said of themselves: pinned facts first, then the latest."""
    return items_of(await workspace.memory.facts.list(status=status, limit=limit, cursor=cursor), FactResponse.of)


@patch("/memory/facts/{fact_id:uuid}", tags=_TAGS)
async def change(
    fact_id: FromPath[UUID], data: JSONBody[FactRequest], workspace: NamedDependency[Workspace]
) -> FactResponse:
    """Put a fact right, or pin it."""
    return FactResponse.of(await workspace.memory.facts.edit(fact_id, text=data.text, pinned=data.pinned))


@delete("/memory/facts/{fact_id:uuid}", status_code=200, tags=_TAGS)
async def forget(fact_id: FromPath[UUID], workspace: NamedDependency[Workspace]) -> ReceiptResponse:
    """Forget a fact for good: no old message brings it back."""
    return ReceiptResponse(receipt=await workspace.memory.facts.delete(fact_id))


@get("/memory/facts/{fact_id:uuid}/why", tags=_TAGS)
async def why(fact_id: FromPath[UUID], workspace: NamedDependency[Workspace]) -> WhyResponse:
    """Why this is known: the messages that say it."""
    return WhyResponse.of(await workspace.memory.facts.why(fact_id))


@get("/memory/summary", tags=_TAGS)
async def summary(workspace: NamedDependency[Workspace]) -> SummaryResponse:
    """What the latest conversations were about."""
    memory = workspace.memory
    return SummaryResponse.of(await memory.summary(), await memory.summaries())


@get("/memory/settings", tags=_TAGS)
async def settings(workspace: NamedDependency[Workspace]) -> MemorySettings:
    """What the caller lets memory do."""
    return await workspace.memory.settings()


@put("/memory/settings", tags=_TAGS)
async def configure(data: JSONBody[MemorySettings], workspace: NamedDependency[Workspace]) -> MemorySettings:
    """Say what memory may do: learn at all, learn what is sensitive, and where "yesterday" is a day."""
    return await workspace.memory.configure(data)


@get("/memory/export", media_type="application/jsonl", tags=_TAGS)
async def export(workspace: NamedDependency[Workspace], format: FromQuery[Format] = "jsonl") -> Stream:
    """All that is kept of the caller's talks, streamed: JSON Lines, or HTML to be read."""
    memory = workspace.memory
    await memory.settings()  # who may not read is refused before the stream begins
    return exported(memory.export(format), "memory", format)


@delete("/memory/", status_code=200, tags=_TAGS)
async def erase(workspace: NamedDependency[Workspace], record: NamedDependency[Record]) -> ReceiptResponse:
    """Erase all of it for good, the conversations too. Documents stay."""
    receipt = await workspace.memory.erase()
    await record(Action.MEMORY_ERASED)
    return ReceiptResponse(receipt=receipt)


def exported(pieces: object, name: str, format: Format) -> Stream:
    """An export as a file to be kept."""
    media_type = MEDIA_TYPES[format]
    # Of the response's own media type and the route's Litestar 2.25 takes the route's, though it documents the opposite.
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format}"', "Content-Type": media_type}
    return Stream(pieces, media_type=media_type, headers=headers)  # pyright: ignore[reportArgumentType]


HANDLERS = (facts, change, forget, why, summary, settings, configure, export, erase)
