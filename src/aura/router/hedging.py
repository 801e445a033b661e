"""A second attempt beside a first one that takes long: whichever speaks first answers, and the other is ended.

It costs a second call now and then to save the slowest ones, so it is off unless a router is told to, and capped.
Source: Dean and Barroso, The Tail at Scale (2013).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from aura.router.attempt import Attempt
from aura.router.faults import fault_of

T = TypeVar("T")

MOST_SAVED: Final = 10.0
"""Hedges that may follow each other at once after a quiet time."""


class Hedge(msgspec.Struct, frozen=True, kw_only=True):
    """When a second attempt is begun.

    Attributes:
        after_seconds: how long the first may say nothing.
        share: of all calls, at most.
    """

    after_seconds: float
    share: float = 0.05


class HedgeAllowance:
    """Keeps hedges to their share of the calls."""

    def __init__(self, hedge: Hedge) -> None:
        self.after_seconds = hedge.after_seconds
        self._share = hedge.share
        self._saved = 1.0

    def called(self) -> None:
        """A call is made: it adds its share."""
        self._saved = min(MOST_SAVED, self._saved + self._share)

    def take(self) -> bool:
        """Whether a call may be hedged; it counts then."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


class Lane(Generic[T]):
    """One of two attempts at a call, and the task in which it is waited for.

    Args:
        pieces: the stream that `speaks` waits on, where it is one.
    """

    def __init__(
        self, attempt: Attempt, speaks: Coroutine[Any, Any, T], pieces: AsyncGenerator[Any] | None = None
    ) -> None:
        self.attempt = attempt
        self.pieces = pieces
        self.task = asyncio.ensure_future(speaks)

    async def close(self) -> None:
        """End the attempt, where it has not ended."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        if self.pieces is not None:
            await self.pieces.aclose()


async def race(lanes: list[Lane[T]], further: Callable[[], Awaitable[Lane[T] | None]], *, after: float) -> Lane[T]:
    """The lane that spoke first, or the one that failed last where none did; the others are superseded.

    Args:
        lanes: the first lane; a second one is added, so that the caller can close both.
        further: begins the second lane, or says that there is none.
    """
    await asyncio.wait([lanes[0].task], timeout=after)
    if not lanes[0].task.done() and (second := await further()) is not None:
        lanes.append(second)
    through = await _through(lanes)
    for lane in lanes:
        lane.attempt.superseded = lane is not through
    return through


async def _through(lanes: Sequence[Lane[T]]) -> Lane[T]:
    waiting = list(lanes)
    while True:
        await asyncio.wait([lane.task for lane in waiting], return_when=asyncio.FIRST_COMPLETED)
        for lane in [each for each in waiting if each.task.done()]:
            error = lane.task.exception()
            waiting.remove(lane)
            if error is None or not waiting or (isinstance(error, Exception) and fault_of(error).final):
                return lane


async def first_of(pieces: AsyncGenerator[T]) -> T:
    """The first piece of a stream, as a lane waits for it."""
    return await anext(pieces)


async def close_lanes(lanes: Sequence[Lane[Any]]) -> None:
    """End the attempts of `lanes` that have not ended."""
    for lane in lanes:
        await lane.close()
