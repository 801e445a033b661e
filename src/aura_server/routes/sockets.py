"""`WS /ws/chat`: the same events as `/chat/stream`, over one socket that asks again and again."""

from __future__ import annotations

from litestar import WebSocket
from litestar.handlers import WebsocketRouteHandler

from aura_server.callers import PUBLIC
from aura_server.sockets import converse


async def _chat(socket: WebSocket) -> None:
    await converse(socket)


HANDLERS = (WebsocketRouteHandler("/ws/chat", fn=_chat, opt=PUBLIC),)
