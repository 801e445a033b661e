"""What stands around the application: the request's id, the host check, bounds on bodies, and headers on every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from fnmatch import fnmatch

import msgspec
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send, WebSocketReceiveMessage

from aura.settings import Settings
from aura_server import requests
from aura_server.problems import Problem, written

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "media-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""No script, style, picture or request from anywhere but this server, and none that stands in a page itself."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(self)"),
)


_FORM_BYTES = 64 * 1024
"""What the form around a file takes at most."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may take of the server before it is known."""

    body_bytes: int = 1024 * 1024
    """Of a body that is no upload."""
    upload_bytes: int = 512 * 1024 * 1024
    """Of one upload, all files of it together."""
    recording_bytes: int = 25 * 1024 * 1024 + _FORM_BYTES
    """Of one recording, with the form around it."""
    body_silence_seconds: float = 30.0
    """How long a client may pause within a body."""
    body_seconds: float = 3_600.0
    """How long a whole body may take."""
    send_seconds: float = 60.0
    """How long a client may read nothing of what waits for it."""
    header_seconds: float = 20.0
    """How long the headers of a request may take; those of the first one from the beginning of the connection."""
    header_bytes: int = 256 * 1024
    """Of the headers of one request."""
    upload_paths: frozenset[str] = frozenset({"/documents", "/tenant/import"})
    recording_paths: frozenset[str] = frozenset({"/voice/transcribe", "/voice/message"})

    def of(self, settings: Settings) -> Limits:
        """These, with the sizes that `settings` name."""
        recording_bytes = settings.voice_max_bytes + _FORM_BYTES
        return msgspec.structs.replace(self, upload_bytes=settings.max_upload_bytes, recording_bytes=recording_bytes)


class Shell:
    """The application behind its outer checks. What is refused here never reaches a route."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], limits: Limits) -> None:
        """`hosts` may hold patterns, as `*.example.com`; `*` takes any."""
        self._app = app
        self._hosts = tuple(host.lower() for host in hosts)
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # pyright: ignore[reportUnnecessaryComparison]
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, requests.begin(scope))
        if not self._known_host(scope):
            await exchange.refuse(400, "this server does not answer to the host that the request names")
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif (length := _content_length(scope)) is None:
            await exchange.refuse(400, "Content-Length is no number")
        elif length > (most := self._most(scope)):
            await exchange.refuse(413, f"the body has {length:,} bytes, more than the {most:,} that this route takes")
        else:
            await self._app(scope, _Body(receive, self._limits, most).receive, exchange.send)

    def _known_host(self, scope: Scope) -> bool:
        host = _header(scope, b"host").decode("latin-1").lower()
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return name in self._hosts or any(fnmatch(name, pattern) for pattern in self._hosts)  # `[::1]` is no pattern

    def _most(self, scope: Scope) -> int:
        path, limits = scope["path"].rstrip("/"), self._limits
        if path in limits.recording_paths:
            return limits.recording_bytes
        return limits.upload_bytes if path in limits.upload_paths else limits.body_bytes


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id

    async def send(self, message: Message) -> None:
        """Send, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            own = [*_HEADERS, (requests.HEADER.lower().encode(), self._request_id.encode())]
            if b"content-security-policy" not in present:
                own.append((b"content-security-policy", CONTENT_SECURITY_POLICY.encode()))
            if b"cache-control" not in present:
                own.append((b"cache-control", b"no-store"))
            message["headers"] = [*message["headers"], *((n, v) for n, v in own if n not in present)]
        await self._send(message)

    async def refuse(self, status: int, detail: str) -> None:
        """Answer before the application is asked."""
        if self._scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": 1008, "reason": ""})  # pyright: ignore[reportArgumentType]
            return
        title = {400: "Bad Request", 413: "Request Entity Too Large"}[status]
        document = Problem(
            type=f"urn:aura:{title.lower().replace(' ', '-')}",
            title=title,
            status=status,
            detail=detail,
            request_id=self._request_id,
        )
        said, media_type = written(self._scope["path"], document)
        headers = [(b"content-type", media_type.encode()), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})  # pyright: ignore[reportArgumentType]
        body = msgspec.json.encode(said)
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


class _Body:
    """A request's body within its bounds: of size, also where no length was stated, and of time."""

    def __init__(self, receive: Receive, limits: Limits, most: int) -> None:
        self._receive = receive
        self._limits = limits
        self._most = most
        self._received = 0
        self._ended = False
        self._deadline = time.monotonic() + limits.body_seconds

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        if self._ended:  # what comes now is the disconnect, for which nobody needs to hurry
            return await self._receive()
        left = self._deadline - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(left, self._limits.body_silence_seconds))):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(status_code=408, headers={"connection": "close"}) from None
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
            if self._received > self._most:
                raise HTTPException(status_code=413, headers={"connection": "close"})
        return message


def _content_length(scope: Scope) -> int | None:
    """The stated length, 0 where none is stated, None where it is no number."""
    stated = _header(scope, b"content-length")
    if not stated:
        return 0
    return int(stated) if stated.isdigit() and len(stated) < 20 else None


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key.lower() == name), b"")
