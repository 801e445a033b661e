"""What is written to one client of a socket: one message at a time, and no longer than a client may take for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from litestar.exceptions import WebSocketDisconnect

from aura_server.realtime.opening import Socket

logger = logging.getLogger(__name__)

SEND_SECONDS: Final = 20.0
"""A client that has not taken a message for so long is given up: nothing is kept for it any longer."""


class SlowClient(Exception):
    """The client does not take what it is sent."""


class Line:
    """Writes to `socket`. Several tasks may write; their messages do not mix."""

    def __init__(self, socket: Socket, *, seconds: float = SEND_SECONDS) -> None:
        self._socket = socket
        self._seconds = seconds
        self._alone = asyncio.Lock()

    async def send(self, *messages: str | bytes) -> None:
        """Send them, one behind the other.

        Raises:
            SlowClient: the client took none for too long.
        """
        async with self._alone:
            for message in messages:
                try:
                    async with asyncio.timeout(self._seconds):
                        await self._write(message)
                except TimeoutError:
                    raise SlowClient(f"a client has not taken a message for {self._seconds:.0f} s") from None

    async def _write(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await self._socket.send_bytes(message)
        else:
            await self._socket.send_text(message)


async def until_either_ends(writing: Coroutine[Any, Any, None], reading: Coroutine[Any, Any, None]) -> None:
    """Write to a socket and read from it until one of them ends, which ends the other. That a client goes is no fault."""
    tasks = asyncio.create_task(writing), asyncio.create_task(reading)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, SlowClient):
            logger.info("%s", outcome)
        elif isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect | RuntimeError):
            logger.error("a socket for voice failed", exc_info=outcome)
