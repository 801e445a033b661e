"""Health over a real Redis, where one is installed: shared, protected by a password, lost and found again."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from replicas import FAILED, replica, seconds_until, until

from aura.database.engine import Database
from aura.database.redis_notices import RedisNotices
from aura.errors import Unavailable
from aura.router.faults import Fault, FaultKind
from aura.router.health import RouteState
from aura.router.sharing import CHANNEL

PROGRAM = shutil.which("redis-server")
PASSWORD = "not-for-everybody"
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server here: apt-get install redis-server")

REFUSED = Fault(kind=FaultKind.CREDENTIAL, described="HTTP 401")
FULL = Fault(kind=FaultKind.RATE_LIMITED, retry_after_seconds=60.0)


class RealRedis:
    """A `redis-server` of one test, on a free port of this machine. It keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = int(free.getsockname()[1])
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return self.url_with(PASSWORD)

    def url_with(self, password: str) -> str:
        return f"redis://:{password}@127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        assert PROGRAM is not None
        settings = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", PASSWORD)
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM, "--port", str(self._port), "--dir", str(self._folder), *settings, stdout=asyncio.subprocess.DEVNULL
        )
        await waited_for(self.answers)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()

    async def answers(self) -> bool:
        try:
            async with Redis.from_url(self.url) as client:
                return bool(await client.ping())
        except RedisError:
            return False

    async def listeners(self) -> int:
        async with Redis.from_url(self.url) as client:
            return int((await client.pubsub_numsub(CHANNEL))[0][1])

    async def heard_by(self, count: int) -> None:
        """Wait until so many listen, and no more."""

        async def listen() -> bool:
            return await self.listeners() == count

        await waited_for(listen)


async def waited_for(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
async def redis() -> AsyncIterator[RealRedis]:
    with tempfile.TemporaryDirectory(prefix="aura-redis-") as folder:
        server = RealRedis(Path(folder))
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


@pytest.fixture
async def ends(redis: RealRedis) -> AsyncIterator[tuple[RedisNotices, RedisNotices]]:
    found = RedisNotices(redis.url), RedisNotices(redis.url)
    yield found
    for each in found:
        await each.close()


async def test_what_one_replica_finds_out_the_other_hears_over_redis_within_a_second(
    database: Database, redis: RealRedis, ends: tuple[RedisNotices, RedisNotices]
) -> None:
    times: list[float] = []
    for _ in range(3):
        route = f"test/{uuid4()}#key"
        async with replica(database, route, ends[0]) as one, replica(database, route, ends[1]) as two:
            await redis.heard_by(2)
            for _ in range(3):
                one.ended(route, FAILED)
            times.append(await seconds_until(two, route, RouteState.OPEN))
            assert two.status(route).reason == "server (HTTP 500)"
        await redis.heard_by(0)  # nobody is left behind
    print(f"the other heard it over Redis after {[round(each * 1000) for each in times]} ms")
    assert min(times) < 1.0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_redis_that_is_started_anew_is_found_again_and_nothing_that_happened_meanwhile_is_lost(
    database: Database, redis: RealRedis, ends: tuple[RedisNotices, RedisNotices], how: signal.Signals
) -> None:
    route = f"test/{uuid4()}#key"
    async with replica(database, route, ends[0]) as one, replica(database, route, ends[1]) as two:
        await redis.heard_by(2)
        await redis.stop(how)
        one.ended(route, FULL)  # while nobody can be told
        await redis.start()
        await redis.heard_by(2)
        await seconds_until(two, route, RouteState.RATE_LIMITED)
        one.ended(route, REFUSED)
        await seconds_until(two, route, RouteState.CREDENTIAL)


async def test_while_redis_is_away_the_table_says_how_routes_are(
    database: Database, redis: RealRedis, ends: tuple[RedisNotices, RedisNotices]
) -> None:
    route = f"test/{uuid4()}#key"
    async with replica(database, route, ends[0]) as one:
        await redis.heard_by(1)
        await redis.stop()
        one.ended(route, REFUSED)
        async with replica(database, route) as another:  # which has no Redis
            await seconds_until(another, route, RouteState.CREDENTIAL)


async def test_a_wrong_password_is_said_and_not_shown(redis: RealRedis) -> None:
    stranger = RedisNotices(redis.url_with("guessed-secret"))
    with pytest.raises(Unavailable, match="check REDIS_URL") as refused:
        await stranger.tell(CHANNEL, "hello")
    assert "guessed-secret" not in str(refused.value)
    await stranger.close()


async def test_two_deployments_that_share_a_redis_do_not_believe_each_others_notices_of_routes_they_lack(
    database: Database, redis: RealRedis, ends: tuple[RedisNotices, RedisNotices]
) -> None:
    ours, theirs = f"test/{uuid4()}#key", f"test/{uuid4()}#key"
    async with replica(database, ours, ends[0]) as one, replica(database, theirs, ends[1]) as two:
        await redis.heard_by(2)
        two.ended(theirs, REFUSED)
        one.ended(ours, FULL)
        await until(lambda: two.status(theirs).state is RouteState.CREDENTIAL)
        assert one.status(ours).state is RouteState.RATE_LIMITED
        assert [status.route for status in one.statuses()] == [ours]
