"""An application asked without a socket, and left as a client leaves: also where the answer has no end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
from litestar.types import ASGIApp

ORIGIN = "http://localhost"


async def ask(
    app: ASGIApp, method: str, path: str, *, leave: bool = False, hang_up: bool = False, **request: Any
) -> httpx.Response:
    """The answer to one request; `leave`: what there is of it when its head has come, as for a stream without an end.

    `hang_up`: the client is gone before its body has come. `request` is what `httpx.Request` takes.
    """
    sent = httpx.Request(method, f"{ORIGIN}{path}", **request)
    body, head, content = await sent.aread(), dict[str, Any](), list[bytes]()
    asked, gone = asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        if hang_up:
            return {"type": "http.disconnect"}
        if not asked.is_set():
            asked.set()
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
            if leave and head["status"] == 200:
                gone.set()
        elif message["type"] == "http.response.body":
            content.append(message.get("body", b""))
            if not message.get("more_body", False):
                gone.set()

    async with asyncio.timeout(60):
        await app(_scope(sent), receive, send)  # pyright: ignore[reportArgumentType]
    return httpx.Response(head["status"], headers=head["headers"], content=b"".join(content), request=sent)


def _scope(sent: httpx.Request) -> dict[str, Any]:
    path, _, query = sent.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "http",
        "path": sent.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in sent.headers.raw],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 50_000),
    }


class Socket:
    """A client's side of one WebSocket."""

    def __init__(self) -> None:
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def say(self, **message: object) -> None:
        """Send one message."""
        await self._to_server.put({"type": "websocket.receive", "text": msgspec.json.encode(message).decode()})

    async def hear(self) -> dict[str, Any]:
        """The next message; `{"closed": code}` when the server closes."""
        async with asyncio.timeout(60):
            message = await self._from_server.get()
        if message["type"] == "websocket.close":
            return {"closed": message["code"]}
        return msgspec.json.decode(message["text"])

    async def hear_answer(self) -> list[dict[str, Any]]:
        """All messages of an answer, up to its end."""
        heard = [await self.hear()]
        while "closed" not in heard[-1] and heard[-1]["type"] not in ("final", "refusal", "error"):
            heard.append(await self.hear())
        return heard


@asynccontextmanager
async def socket(app: ASGIApp, path: str, **request: Any) -> AsyncGenerator[Socket]:
    """An open WebSocket. It is closed by the client at the end."""
    sent = httpx.Request("GET", f"{ORIGIN}{path}", **request)
    scope = {**_scope(sent), "type": "websocket", "scheme": "ws", "subprotocols": [], "extensions": {}}
    del scope["method"]
    client = Socket()
    await client._to_server.put({"type": "websocket.connect"})
    serving = asyncio.create_task(app(scope, client._to_server.get, client._from_server.put))  # pyright: ignore
    try:
        async with asyncio.timeout(60):
            first = await client._from_server.get()
        assert first["type"] in ("websocket.accept", "websocket.close"), first
        if first["type"] == "websocket.close":
            await client._from_server.put(first)
        yield client
    finally:
        await client._to_server.put({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(60):
            await asyncio.gather(serving, return_exceptions=True)
