"""Replicas tell each other how routes are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

from sqlalchemy import text

from aura.database import notices
from aura.database.engine import Database
from aura.router.faults import Fault, FaultKind
from aura.router.health import HealthBoard, RouteState
from aura.router.sharing import CHANNEL, HealthShare

FAILED = Fault(kind=FaultKind.SERVER, described="HTTP 500")


@asynccontextmanager
async def replica(database: Database, route: str) -> AsyncGenerator[HealthBoard]:
    board = HealthBoard()
    board.add(route, provider="test", model="m")
    # the table is looked at when a replica begins, and then not for the length of a test
    task = asyncio.create_task(HealthShare(database, board, look_seconds=600.0).run())
    await asyncio.sleep(0)
    try:
        yield board
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def seconds_until(board: HealthBoard, route: str, state: RouteState) -> float:
    started = time.perf_counter()
    async with asyncio.timeout(20):
        while board.status(route).state is not state:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return time.perf_counter() - started


async def listening(database: Database, count: int) -> None:
    """Wait until so many replicas listen."""
    query = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aura listens' AND state = 'idle'")
    async with asyncio.timeout(20):
        while True:
            async with database.system() as session:
                if int((await session.execute(query)).scalar_one()) >= count:
                    return
            await asyncio.sleep(0.02)


async def test_what_one_replica_finds_out_the_other_hears_within_a_second(database: Database) -> None:
    """The best of three: what the machine does besides is not the channel's."""
    times: list[float] = []
    for _ in range(3):
        route = f"test/{uuid4()}#key"
        async with replica(database, route) as one, replica(database, route) as two:
            await listening(database, 2)
            for _ in range(3):
                one.ended(route, FAILED)
            times.append(await seconds_until(two, route, RouteState.OPEN))
            assert two.status(route).reason == "server (HTTP 500)"
            assert not two.takes_calls(route)
    print(f"the other heard it after {[round(each * 1000) for each in times]} ms")
    assert min(times) < 1.0


async def test_a_replica_whose_connection_was_lost_listens_again(database: Database) -> None:
    route = f"test/{uuid4()}#key"
    ours = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'aura listens' AND usename = current_user"
    )
    async with replica(database, route) as one, replica(database, route) as two:
        await listening(database, 2)
        async with database.system() as session:
            assert len((await session.execute(ours)).all()) >= 2
        one.ended(route, Fault(kind=FaultKind.CREDENTIAL, described="HTTP 401"))
        await seconds_until(two, route, RouteState.CREDENTIAL)
        await listening(database, 2)
        assert two.status(route).reason == "credential (HTTP 401)"


async def test_a_notice_that_is_none_of_ours_changes_nothing(database: Database) -> None:
    route = f"test/{uuid4()}#key"
    async with replica(database, route) as one, replica(database, route) as two:
        await listening(database, 2)
        async with database.system() as session:
            await notices.tell(session, CHANNEL, "hello")
        one.ended(route, Fault(kind=FaultKind.CREDENTIAL, described="HTTP 401"))
        await seconds_until(two, route, RouteState.CREDENTIAL)


async def test_a_new_replica_begins_with_what_the_others_know(database: Database) -> None:
    route = f"test/{uuid4()}#key"
    async with replica(database, route) as one:
        one.ended(route, Fault(kind=FaultKind.CREDENTIAL, described="HTTP 401"))
        async with replica(database, route) as two:
            await seconds_until(two, route, RouteState.CREDENTIAL)
            assert two.status(route).until is not None
