"""`WS /ws/chat`: the same events as `/chat/stream`, over one socket that asks again and again."""

from __future__ import annotations

from typing import Any

from litestar import WebSocket, websocket

from aura_server.callers import PUBLIC
from aura_server.sockets import converse


@websocket("/ws/chat", opt=PUBLIC)
async def chat(socket: WebSocket[Any, Any, Any]) -> None:
    """Authenticates by itself: a socket of a browser can send no header."""
    await converse(socket)


HANDLERS = (chat,)
