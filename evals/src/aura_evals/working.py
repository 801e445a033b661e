"""Many queries at once, each taken up as soon as an earlier one is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4


async def in_turns(items: Iterable[T], do: Callable[[T], Awaitable[R]], *, done: Callable[[], None]) -> list[R]:
    """What `do` makes of each item, in their order; `AT_ONCE` of them are under way. The first error ends it."""
    waiting = enumerate(items)
    results: dict[int, R] = {}

    async def work() -> None:
        for number, item in waiting:
            results[number] = await do(item)
            done()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
    except BaseExceptionGroup as failed:  # one failure with its own message, not a group of them
        raise failed.exceptions[0] from None
    return [results[number] for number in sorted(results)]
