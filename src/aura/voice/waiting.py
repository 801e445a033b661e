"""Waiting with an end, on a timer that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from aura.clock import Timer

T = TypeVar("T")


async def within(timer: Timer, seconds: float, awaitable: Awaitable[T]) -> T:
    """The result of `awaitable`, which is cancelled when it takes longer.

    Raises:
        TimeoutError: it did.
    """
    working, waiting = asyncio.ensure_future(awaitable), asyncio.ensure_future(timer.sleep(seconds))
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise TimeoutError
        return working.result()
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


async def first_of(timer: Timer, seconds: float, task: asyncio.Future[T]) -> bool:
    """Whether `task` is done before `seconds` are over. It goes on where it is not."""
    waiting = asyncio.ensure_future(timer.sleep(max(0.0, seconds)))
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        return task.done()
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


class _End:
    """Behind the last item; with an `error` where it broke off."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


@asynccontextmanager
async def pumped(items: AsyncGenerator[T], *, most: int = 0) -> AsyncGenerator[Callable[[], Awaitable[T | None]]]:
    """What gives the next of `items`, None behind the last: one task runs the generator, so waiting for it can be given up.

    Args:
        most: items that are made ahead; 0 is any number.
    """
    queue: asyncio.Queue[T | _End] = asyncio.Queue(most)

    async def pump() -> None:
        try:
            async with aclosing(items):
                async for item in items:
                    await queue.put(item)
        except Exception as error:  # the edge of the task: who asks for the next one hears of it
            await queue.put(_End(error))
        else:
            await queue.put(_End())

    async def following() -> T | None:
        item = await queue.get()
        if not isinstance(item, _End):
            return item
        if item.error is not None:
            raise item.error
        return None

    task = asyncio.create_task(pump())
    try:
        yield following
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
