"""From an open socket to a conversation in OpenAI's Realtime protocol, or to the reason why there is none."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from litestar.exceptions import WebSocketDisconnect

from aura.errors import AuraError, Unauthenticated
from aura_server.realtime.items import new_id
from aura_server.realtime.opening import (
    Socket,
    holder_of_socket,
    open_for,
    require_known_origin,
    subprotocol_of,
)
from aura_server.realtime.session import new_session, updated
from aura_server.realtime.socket import RealtimeSocket
from aura_server.realtime.wording import error

_POLICY_VIOLATION = 1008


async def serve(socket: Socket) -> None:
    """Serve one client of the Realtime protocol. Who is not known, or may not, is told so and closed with 1008."""
    await socket.accept(subprotocols=subprotocol_of(socket))
    with suppress(WebSocketDisconnect):
        try:
            require_known_origin(socket)
            holder = await holder_of_socket(socket)
            socket.scope["auth"] = holder.caller
            fresh, _ = updated(new_session(new_id("sess"), "aura"), dict(holder.settings or {}))
            opened = await open_for(socket, holder.caller, "realtime", {"session": fresh})
        except AuraError as refused:
            code = "invalid_api_key" if isinstance(refused, Unauthenticated) else type(refused).__name__
            told = error("invalid_request_error", code, str(refused))
            await socket.send_text(msgspec.json.encode(told).decode())
            await socket.close(code=_POLICY_VIOLATION, reason=code)
            return
        await RealtimeSocket(socket, opened).run()
