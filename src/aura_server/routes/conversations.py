"""The caller's conversations: found again, named, pinned, taken along and deleted."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream
from msgspec import Meta

from aura.identity import ConversationId
from aura.memory.exporting import Format
from aura.workspace import Workspace
from aura_server.routes.documents import Cursor, Limit
from aura_server.routes.memory import exported
from aura_server.wire.common import Items, items_of
from aura_server.wire.memory import ConversationRequest, ConversationResponse, HitResponse

_TAGS = ["chat"]
_Words = Annotated[str, Meta(max_length=1_000)]


@get("/conversations/", tags=_TAGS)
async def conversations(
    workspace: NamedDependency[Workspace], limit: Limit = 50, cursor: Cursor = None
) -> Items[ConversationResponse]:
    """The caller's conversations: pinned ones first, then the latest."""
    return items_of(await workspace.conversations.list(limit=limit, cursor=cursor), ConversationResponse.of)


@get("/conversations/search", tags=_TAGS)
async def search(
    workspace: NamedDependency[Workspace], q: FromQuery[_Words], limit: Limit = 20, cursor: Cursor = None
) -> Items[HitResponse]:
    """The caller's messages that hold every word of `q`, the latest first."""
    return items_of(await workspace.conversations.search(q, limit=limit, cursor=cursor), HitResponse.of)


@patch("/conversations/{session_id:uuid}", tags=_TAGS)
async def change(
    session_id: FromPath[UUID], data: JSONBody[ConversationRequest], workspace: NamedDependency[Workspace]
) -> ConversationResponse:
    """Rename a conversation, or pin it."""
    talks, id = workspace.conversations, ConversationId(session_id)
    changed = None
    if data.title is not None:
        changed = await talks.rename(id, data.title)
    if data.pinned is not None:
        changed = await talks.pin(id, data.pinned)
    return ConversationResponse.of(changed or await talks.get(id))


@delete("/conversations/{session_id:uuid}", status_code=204, tags=_TAGS)
async def remove(session_id: FromPath[UUID], workspace: NamedDependency[Workspace]) -> None:
    """Delete a conversation with its messages, and what only these taught."""
    await workspace.conversations.delete(ConversationId(session_id))


@delete("/conversations/{session_id:uuid}/messages/{message_id:uuid}", status_code=204, tags=_TAGS)
async def take_back(
    session_id: FromPath[UUID], message_id: FromPath[UUID], workspace: NamedDependency[Workspace]
) -> None:
    """Delete the turn of a message and every turn after it, to ask anew from there, and what only these taught."""
    await workspace.conversations.take_back(ConversationId(session_id), message_id)


@get("/conversations/{session_id:uuid}/export", media_type="application/jsonl", tags=_TAGS)
async def export(
    session_id: FromPath[UUID], workspace: NamedDependency[Workspace], format: FromQuery[Format] = "jsonl"
) -> Stream:
    """A conversation with its messages, streamed: JSON Lines, or HTML to be read."""
    talks, id = workspace.conversations, ConversationId(session_id)
    await talks.get(id)  # a foreign one is refused before the stream begins
    return exported(talks.export(id, format), f"conversation-{id}", format)


HANDLERS = (conversations, search, change, remove, take_back, export)
