"""Two replicas that tell each other how a route is, and what tests wait for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from aura.database.engine import Database
from aura.database.redis_notices import RedisNotices
from aura.router.faults import Fault, FaultKind
from aura.router.health import HealthBoard, RouteState
from aura.router.sharing import HealthShare

FAILED = Fault(kind=FaultKind.SERVER, described="HTTP 500")


@asynccontextmanager
async def replica(database: Database, route: str, redis: RedisNotices | None = None) -> AsyncGenerator[HealthBoard]:
    board = HealthBoard()
    board.add(route, provider="test", model="m")
    # the table is looked at when a replica begins, and then not for the length of a test
    task = asyncio.create_task(HealthShare(database, board, look_seconds=600.0, redis=redis).run())
    await asyncio.sleep(0)
    try:
        yield board
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def seconds_until(board: HealthBoard, route: str, state: RouteState) -> float:
    started = time.perf_counter()
    async with asyncio.timeout(60):
        while board.status(route).state is not state:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return time.perf_counter() - started


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
