"""How long a connection may take the server's patience: to send its headers, to read what it was sent, to be closed.

uvicorn waits for all of it without end, and a transport that is closed keeps what was not read, and its socket, for as
long as the client likes. Here the connection is given up instead, whatever the application does with it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

from aura_server.hardening import Limits


def protocols(limits: Limits) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """uvicorn's protocols for HTTP and WebSockets, within `limits`."""
    bounds = {"limits": limits}
    http = type("BoundedHTTP", (_Headers, _Connection, cast("type", AutoHTTPProtocol)), bounds)
    socket = type("BoundedSocket", (_Connection, cast("type", AutoWebSocketsProtocol)), bounds)
    return cast("type[asyncio.Protocol]", http), cast("type[asyncio.Protocol]", socket)


class _Connection(asyncio.Protocol):
    """A connection whose client must read: one that takes nothing for `send_seconds` is aborted."""

    limits: Limits
    _transport: _Transport
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        bounded: object = transport
        if not isinstance(bounded, _Transport):  # an upgrade hands over the one it has
            bounded = _Transport(cast("asyncio.Transport", transport), self.limits.send_seconds)
        self._transport = bounded
        super().connection_made(cast("asyncio.Transport", bounded))

    def connection_lost(self, exc: Exception | None) -> None:
        self._read()
        self._transport.lost()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        loop = asyncio.get_running_loop()
        self._unread = self._unread or loop.call_later(self.limits.send_seconds, self._transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._read()
        super().resume_writing()

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


class _Headers(_Connection):
    """A connection whose headers are to come within their bounds of time and size; the first ones from its beginning."""

    cycle: _Cycle | None
    """uvicorn's: the request whose headers were last complete."""
    _late: asyncio.TimerHandle | None = None
    _bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._arrived()
            return
        self._bytes += len(data)
        if self._bytes > self.limits.header_bytes:
            self._transport.abort()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._late = self._late or loop.call_later(self.limits.header_seconds, self._give_up)

    def _arrived(self) -> None:
        self._bytes = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        if self._transport.get_protocol() is self:  # else it has become a socket, whose headers did come
            self._transport.abort()


class _Cycle(Protocol):
    response_complete: bool


class _Transport:
    """A transport that, once closed, is aborted when the client has not taken what was left within some seconds."""

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds
        self._closing: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """Close, and do not wait for ever."""
        self._transport.close()
        self._closing = self._closing or asyncio.get_running_loop().call_later(self._seconds, self._transport.abort)

    def lost(self) -> None:
        """It is closed now."""
        if self._closing is not None:
            self._closing.cancel()
