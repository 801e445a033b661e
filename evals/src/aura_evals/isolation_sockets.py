"""What a running server says over its WebSocket, for the probes of `isolation_http`."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from aura_evals.errors import BadInput

_ANSWER_SECONDS: Final = 120.0
_ENDS: Final = ("final", "refusal", "error")
_LIMITED: Final = ("LimitExceeded", "Unavailable")
_ATTEMPTS: Final = 5


async def said_over_socket(client: httpx.AsyncClient, path: str, message: object) -> tuple[int, str]:
    """What comes back for one message: 200 and every event of the answer, or 400 and what is wrong with the message.

    It calls with the credential of `client`, to the server of its base URL.

    Raises:
        BadInput: the server has no such socket, or is silent.
    """
    url = str(client.base_url).replace("http", "ws", 1).rstrip("/") + path
    headers = {"Authorization": client.headers["Authorization"]}
    for attempt in range(_ATTEMPTS):
        try:
            async with asyncio.timeout(_ANSWER_SECONDS), connect(url, additional_headers=headers) as socket:
                await socket.send(msgspec.json.encode(message).decode())
                status, said, kind = await _answer(socket)
        except (OSError, TimeoutError, WebSocketException) as error:
            raise BadInput(f"the socket {path} of {client.base_url} does not answer: {error}") from None
        if kind not in _LIMITED or attempt == _ATTEMPTS - 1:
            return status, said
        await asyncio.sleep(1)
    raise AssertionError("there is at least one attempt")


async def _answer(socket: Any) -> tuple[int, str, str]:
    """The events up to the one that ends the answer, and of what kind an error is."""
    said: list[str] = []
    async for text in socket:
        event = msgspec.json.decode(text, type=dict[str, Any])
        said.append(str(text))
        if event.get("type") == "error":
            return 400, f"{event.get('kind')}: {event.get('message')}", str(event.get("kind"))
        if event.get("type") in _ENDS:
            break
    return 200, "\n".join(said), ""
