"""A stream that a second reader can read from its beginning, when the first one has failed in its middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Replay(Generic[T]):
    """`source`, for one reader at a time. It keeps what was read, so the stream has to be a short one."""

    def __init__(self, source: AsyncIterable[T]) -> None:
        self._given = source
        self._source = aiter(source)
        self._next: asyncio.Task[T] | None = None
        self._ended = False
        self.seen: list[T] = []
        """What was read so far."""

    async def again(self) -> AsyncGenerator[T]:
        """All of it, from the beginning."""
        at = 0
        while at < len(self.seen) or await self._more():
            yield self.seen[at]
            at += 1

    async def close(self) -> None:
        """Read no more."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        if isinstance(self._given, AsyncGenerator):
            await self._given.aclose()

    async def _more(self) -> bool:
        """Wait for one more; False where there is none."""
        if self._ended:
            return False
        if self._next is None:
            self._next = asyncio.ensure_future(self._read())
        await asyncio.wait({self._next})  # a reader that is cancelled here leaves it to the next one
        found, self._next = self._next, None
        try:
            self.seen.append(found.result())
        except _Ended:
            self._ended = True
        return not self._ended

    async def _read(self) -> T:
        try:
            return await anext(self._source)
        except StopAsyncIteration:  # which no task may end with
            raise _Ended from None


class _Ended(Exception):
    """There is no more."""
