"""Replicas tell each other how routes are."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from replicas import FAILED, replica, seconds_until, until
from sqlalchemy import text

from aura.database import notices
from aura.database.engine import Database
from aura.database.redis_notices import RedisNotices
from aura.errors import InvalidRequest, Unavailable
from aura.router.faults import Fault, FaultKind
from aura.router.health import RouteState
from aura.router.sharing import CHANNEL


async def listening(database: Database, count: int) -> None:
    """Wait until so many replicas listen."""
    query = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aura listens' AND state = 'idle'")
    async with asyncio.timeout(60):
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


class RedisServer:
    """As much of Redis as publish and subscribe take, on real sockets."""

    def __init__(self) -> None:
        self.listeners: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> RedisServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        self.drop()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    def drop(self) -> None:
        """Close all connections."""
        self.listeners.clear()
        for writer in tuple(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                count = int((await reader.readuntil(b"\r\n"))[1:])
                words = [await self._word(reader) for _ in range(count)]
                self._do(writer, words[0].upper(), words[1:])
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            self.listeners.discard(writer)
            writer.close()

    async def _word(self, reader: asyncio.StreamReader) -> bytes:
        length = int((await reader.readuntil(b"\r\n"))[1:])
        return (await reader.readexactly(length + 2))[:-2]

    def _do(self, writer: asyncio.StreamWriter, command: bytes, arguments: list[bytes]) -> None:
        if command == b"SUBSCRIBE":
            self.listeners.add(writer)
            writer.write(_array(b"subscribe", arguments[0]) + b":1\r\n")
        elif command == b"PUBLISH":
            for each in self.listeners:
                each.write(_array(b"message", arguments[0], size=3) + _bulk(arguments[1]))
            writer.write(f":{len(self.listeners)}\r\n".encode())
        elif command == b"HELLO":
            writer.write(b"-ERR unknown command\r\n")
        else:
            writer.write(b"+OK\r\n")


def _bulk(value: bytes) -> bytes:
    return f"${len(value)}\r\n".encode() + value + b"\r\n"


def _array(*values: bytes, size: int = 3) -> bytes:
    return f"*{size}\r\n".encode() + b"".join(map(_bulk, values))


async def test_where_there_is_a_redis_it_carries_the_notices_and_is_found_again(database: Database) -> None:
    route = f"test/{uuid4()}#key"
    async with RedisServer() as server:
        one_end, other_end = RedisNotices(server.url), RedisNotices(server.url)
        try:
            async with replica(database, route, one_end) as one, replica(database, route, other_end) as two:
                await until(lambda: len(server.listeners) == 2)
                one.ended(route, Fault(kind=FaultKind.RATE_LIMITED, retry_after_seconds=60.0))
                print(f"heard over Redis after {await seconds_until(two, route, RouteState.RATE_LIMITED):.3f} s")
                server.drop()
                await until(lambda: len(server.listeners) == 2)
                one.ended(route, Fault(kind=FaultKind.CREDENTIAL, described="HTTP 401"))
                await seconds_until(two, route, RouteState.CREDENTIAL)
        finally:
            await one_end.close()
            await other_end.close()


async def test_a_redis_that_is_away_is_unavailable_and_an_address_that_is_none_is_refused() -> None:
    async with RedisServer() as server:
        away = RedisNotices(server.url)
    with pytest.raises(Unavailable, match="Redis is away"):
        await away.tell("channel", "notice")
    await away.close()
    with pytest.raises(InvalidRequest, match="REDIS_URL") as refused:
        RedisNotices("http://user:secret@host")
    assert "secret" not in str(refused.value)
