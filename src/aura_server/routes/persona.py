"""How answers are said to the caller: read, choose, try, and forget what was learned."""

from __future__ import annotations

import asyncio

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from aura.persona.traits import PersonaChanges
from aura.workspace import Workspace
from aura_server.limits import CALL
from aura_server.wire.chat import ChatResponse
from aura_server.wire.persona import PersonaResponse, PreviewRequest, PreviewResponse

_TAGS = ["persona"]


@get("/persona/", tags=_TAGS)
async def read(workspace: NamedDependency[Workspace]) -> PersonaResponse:
    """The caller's persona: what was chosen, what was learned, and the evidence for it."""
    return PersonaResponse.of(await workspace.persona.get())


@put("/persona/", tags=_TAGS)
async def choose(data: JSONBody[PersonaChanges], workspace: NamedDependency[Workspace]) -> PersonaResponse:
    """Choose: a value locks its axis, null opens it to learning again; what is left out stays as it is."""
    return PersonaResponse.of(await workspace.persona.set(data))


@post("/persona/preview", status_code=200, opt=CALL, tags=_TAGS)
async def preview(data: JSONBody[PreviewRequest], workspace: NamedDependency[Workspace]) -> PreviewResponse:
    """What a persona would be like, before it is chosen: with `message`, also an answer as it is now, and as it would be."""
    persona = await workspace.persona.preview(data.changes)
    if data.message is None:
        return PreviewResponse.of(persona)
    before, after = await asyncio.gather(
        workspace.try_persona(data.message, None, search_knowledge=data.search_knowledge),
        workspace.try_persona(data.message, persona.traits, search_knowledge=data.search_knowledge),
    )
    return PreviewResponse.of(persona, ChatResponse.of(before), ChatResponse.of(after))


@delete("/persona/learned", status_code=200, tags=_TAGS)
async def forget(
    workspace: NamedDependency[Workspace],
    axis: FromQuery[str | None] = None,
    channel: FromQuery[str | None] = None,
) -> PersonaResponse:
    """Forget what was learned, of one `axis` or `channel` if named. What was chosen stays."""
    return PersonaResponse.of(await workspace.persona.forget(axis=axis, channel=channel))


HANDLERS = (read, choose, preview, forget)
