"""Many queries at once, each taken up as soon as an earlier one is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4


async def in_turns(items: Iterable[T], do: Callable[[T], Awaitable[R]], *, done: Callable[[], None]) -> list[R]:
    """What `do` makes of each item, in their order; `AT_ONCE` of them are under way."""
    waiting = enumerate(items)
    results: dict[int, R] = {}

    async def work() -> None:
        for number, item in waiting:
            results[number] = await do(item)
            done()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return [results[number] for number in sorted(results)]
