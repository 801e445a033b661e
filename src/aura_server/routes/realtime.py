"""OpenAI's Realtime API: stock clients talk to the assistant, and browsers get short-lived secrets for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import WebSocket, post, websocket
from litestar.di import NamedDependency
from litestar.params import JSONBody

from aura.access.callers import Caller
from aura.platform import Aura
from aura.workspace import Workspace
from aura_server.callers import PUBLIC
from aura_server.continuous import converse_continuously
from aura_server.realtime.items import new_id
from aura_server.realtime.serving import serve
from aura_server.realtime.session import new_session, updated
from aura_server.wire.realtime import ClientSecretRequest, ClientSecretResponse


@websocket("/v1/realtime", opt=PUBLIC)
async def realtime(socket: WebSocket[Any, Any, Any]) -> None:
    """Authenticates by itself: a socket of a browser can send no header."""
    await serve(socket)


@websocket("/api/voice/continuous", opt=PUBLIC)
async def continuous(socket: WebSocket[Any, Any, Any]) -> None:
    """Authenticates by itself."""
    await converse_continuously(socket)


@post("/v1/realtime/client_secrets", status_code=200, tags=["voice"])
async def client_secrets(
    data: JSONBody[ClientSecretRequest],
    caller: NamedDependency[Caller],
    workspace: NamedDependency[Workspace],
    aura: NamedDependency[Aura],
) -> ClientSecretResponse:
    """A secret that opens one realtime socket with the caller's rights, for a browser, and with these settings."""
    settings = data.session or {}
    session, _ = updated(new_session(new_id("sess"), "aura"), settings)
    await workspace.spoken_answers()  # who may not ask needs no secret
    life = timedelta(seconds=data.expires_after.seconds)
    ticket = await aura.access.ticket(caller, life=life, settings=settings)
    return ClientSecretResponse.of(ticket, int(aura.clock.now().timestamp()), session)


HANDLERS = (realtime, continuous, client_secrets)
