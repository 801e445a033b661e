"""A clock and a timer that stand still until they are told to move."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final, TypeVar

T = TypeVar("T")
_SETTLED: Final = 200
"""Turns of the event loop after which tasks that wait for nothing but each other have all gone as far as they can."""


class FixedClock:
    """A `Clock` that shows the time it was given."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time that was set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the time forward by `by`."""
        self._now += by

    def set(self, now: datetime) -> None:
        """Move the time to `now`."""
        self._now = now


class FixedTimer:
    """A `Timer` whose time passes only while `advance` or `finish` lets it, from one sleeper to the next: no test waits.

    It holds for tasks that wait for this timer and for each other; sockets, threads and databases have their own time.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def seconds(self) -> float:
        """Seconds since it was made."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time was let pass."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and everybody who slept do what is due meanwhile, in the order in which it is."""
        until = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            await self._wake()
        self._now = until
        await self._settle()

    async def finish(self, awaitable: Awaitable[T]) -> T:
        """The result of `awaitable`; as much time passes as it takes.

        Raises:
            AssertionError: nobody sleeps, and it has not ended: it waits for what does not come.
        """
        task = asyncio.ensure_future(awaitable)
        try:
            await self._settle()
            while not task.done():
                assert self._sleepers, "nobody sleeps on this timer, and what is waited for has not ended"
                await self._wake()
            return await task
        finally:
            task.cancel()

    async def _wake(self) -> None:
        at, _, woken = heapq.heappop(self._sleepers)
        if woken.done():  # its sleeper was cancelled, and that takes no time
            return
        self._now = max(self._now, at)
        woken.set_result(None)
        await self._settle()

    async def _settle(self) -> None:
        # asyncio's own loop tells when nobody is left to run; another one is given turns enough
        ready = getattr(asyncio.get_running_loop(), "_ready", (None,))
        for _ in range(_SETTLED):
            await asyncio.sleep(0)
            if not ready:
                return
