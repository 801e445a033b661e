"""The sockets to ElevenLabs: opened when they are needed, and kept open for the next reply in the same voice."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode
from weakref import WeakKeyDictionary

import msgspec

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

IDLE_SECONDS: Final = 15.0
"""A socket that nobody has used for so long is not used again: it may be about to be closed."""
_POOL: Final = 4
_LARGEST_MESSAGE: Final = 16 * 1024 * 1024


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a socket is opened for, and serves alone: a voice, and a language where one is asked for."""

    voice_id: str
    language: str | None = None


class _Idle(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A socket that waits for its next reply."""

    place: Place
    socket: ClientConnection
    since: float


class Sockets:
    """The sockets of one adapter, apart for each event loop.

    Args:
        address: of the service, as for HTTP.
        asked: what each of them is opened with.
    """

    def __init__(self, key: str, address: str, asked: Mapping[str, str], open_seconds: float) -> None:
        self._key = key
        self._address = address.replace("http", "ws", 1)
        self._asked = asked
        self._open_seconds = open_seconds
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, deque[_Idle]] = WeakKeyDictionary()

    async def take(self, place: Place) -> ClientConnection:
        """A socket that nobody uses, or a new one. Raises what its handshake does."""
        from websockets.protocol import State

        waiting = self._waiting()
        for each in tuple(waiting):
            fresh = time.monotonic() - each.since <= IDLE_SECONDS and each.socket.state is State.OPEN
            if not fresh or each.place == place:
                waiting.remove(each)
            if not fresh:
                await each.socket.close()
            elif each.place == place:
                return each.socket
        return await self._opened(place)

    async def give_back(self, place: Place, socket: ClientConnection) -> None:
        """Keep a socket that was taken for the next reply, if it is open and there is room for it."""
        from websockets.protocol import State

        waiting = self._waiting()
        if socket.state is State.OPEN and len(waiting) < _POOL:
            waiting.append(_Idle(place=place, socket=socket, since=time.monotonic()))
        else:
            await socket.close()

    async def close(self) -> None:
        """Close those of the running loop that nobody uses."""
        for each in self._idle.pop(asyncio.get_running_loop(), ()):
            await each.socket.close()

    def _waiting(self) -> deque[_Idle]:
        return self._idle.setdefault(asyncio.get_running_loop(), deque())

    async def _opened(self, place: Place) -> ClientConnection:
        from websockets.asyncio.client import connect

        query = {**self._asked, "sync_alignment": "true"}
        if place.language is not None:
            query["language_code"] = place.language
        voice = quote(place.voice_id, safe="")
        return await connect(
            f"{self._address}/v1/text-to-speech/{voice}/multi-stream-input?{urlencode(query)}",
            additional_headers={"xi-api-key": self._key},
            open_timeout=self._open_seconds,
            close_timeout=1.0,
            max_size=_LARGEST_MESSAGE,
        )
