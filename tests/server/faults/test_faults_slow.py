"""Clients that do not read, or send slowly or without end: what they can take of the server is bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from faults_support import Member, Replica, asking, replica, until

from aura.database.embedded import EmbeddedServer
from aura_server.hardening import Limits

LIMITS = Limits(send_seconds=2.0, body_silence_seconds=1.0, header_seconds=2.0)
LONG = (f"A stork stands on one leg, {'and so does the next, ' * 100}as they do. ",) * 500
"""An answer of one megabyte, the end of which says all of it again."""
CLIENTS = 20
MEGABYTE = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[Replica]:
    async with replica(data_dir, limits=LIMITS, words=LONG, word_seconds=0.02, send_buffer_bytes=16_384) as started:
        yield started


class Connection:
    """A connection in the raw, with room for little that it has not read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.port: int = writer.get_extra_info("sockname")[1]

    @classmethod
    @asynccontextmanager
    async def to(cls, server: Replica) -> AsyncGenerator[Connection]:
        host, _, port = server.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=16_384)
        try:
            yield cls(reader, writer)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    def send(self, head: str, member: Member, body: bytes = b"", *headers: str) -> None:
        lines = (f"{head} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {member.token}", *headers, "", "")
        self.writer.write("\r\n".join(lines).encode() + body)

    async def rest(self) -> bytes:
        """All that the server sends until it closes."""
        async with asyncio.timeout(60):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


def open_ports(server: Replica) -> set[int]:
    """The ports of the clients that the server is connected with."""
    process = psutil.Process(server.process.pid)
    return {each.raddr.port for each in process.net_connections("tcp") if each.raddr}


def memory(server: Replica) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


async def begun(server: Replica, member: Member) -> str:
    """The id of the first event of a long answer that is being given."""
    async with server.client(member.token) as client, asking(client) as events:
        first = (await anext(events)).id
    assert first is not None
    return first


@pytest.mark.parametrize("surface", ["sse", "socket"])
async def test_a_client_that_reads_nothing_costs_little_and_is_dropped(
    strict: Replica, member: Member, surface: str
) -> None:
    last = await begun(strict, member)
    before = memory(strict)
    async with AsyncExitStack() as stack:
        ports: set[int] = set()
        for _ in range(CLIENTS):
            client = await stack.enter_async_context(Connection.to(strict))
            ports.add(client.port)
            if surface == "sse":
                client.send("POST /chat/stream", member, b"", f"Last-Event-ID: {last}", "Content-Length: 0")
            else:
                await read_by_socket(client, member, last)
        await until(lambda: ports <= open_ports(strict))
        await until(lambda: not ports & open_ports(strict))
        assert memory(strict) - before < CLIENTS * MEGABYTE  # each is sent more than two
    async with strict.client(member.token) as client:
        assert (await client.get("/tenant")).status_code == 200


async def read_by_socket(client: Connection, member: Member, last: str) -> None:
    """Ask for the rest of an answer on a socket, by hand: a client of the library would read."""
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    client.send("GET /ws/chat", member, b"", *upgrade, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert b"101 Switching Protocols" in await client.reader.readuntil(b"\r\n\r\n")
    response_id, _, seq = last.rpartition(":")
    text = json.dumps({"type": "resume", "response_id": response_id, "seq": int(seq)}).encode()
    assert len(text) < 126
    client.writer.write(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # one text frame, masked with zeros
    client.reader._transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]


async def test_a_body_that_stops_coming_is_refused_and_its_connection_closed(strict: Replica, member: Member) -> None:
    async with Connection.to(strict) as client:
        client.send("POST /chat/", member, b'{"message": ', "Content-Type: application/json", "Content-Length: 1000")
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(body)["status"] == 408
        assert client.port not in open_ports(strict)


async def test_a_body_without_a_length_is_refused_where_it_grows_too_large(strict: Replica, member: Member) -> None:
    async with Connection.to(strict) as client:
        json_, chunked = "Content-Type: application/json", "Transfer-Encoding: chunked"
        client.send("POST /chat/", member, b"", json_, chunked)
        chunk = b'{"message": "' + b"a" * (LIMITS.body_bytes + 1)
        client.writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413 ")
        assert json.loads(body)["status"] == 413


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: local"], ids=["nothing", "half"])
async def test_headers_that_do_not_come_to_an_end_close_the_connection(strict: Replica, sent: bytes) -> None:
    async with Connection.to(strict) as client:
        client.writer.write(sent)
        assert await client.rest() == b""
        assert client.port not in open_ports(strict)


async def test_headers_that_come_a_byte_at_a_time_are_not_waited_for_longer(strict: Replica) -> None:
    async with Connection.to(strict) as client:
        trickle = asyncio.create_task(_trickle(client))
        assert await client.rest() == b""
        trickle.cancel()
        await asyncio.gather(trickle, return_exceptions=True)


async def _trickle(client: Connection) -> None:
    client.writer.write(b"GET /health HTTP/1.1\r\n")
    while True:
        client.writer.write(b"X-Slow: yes\r\n")
        await asyncio.sleep(0.1)


async def test_headers_without_end_close_the_connection(strict: Replica) -> None:
    async with Connection.to(strict) as client:
        client.writer.write(b"GET /health HTTP/1.1\r\nX-Long: " + b"a" * (LIMITS.header_bytes + MEGABYTE))
        assert await client.rest() == b""


async def test_a_client_that_asks_again_on_its_connection_is_not_taken_for_a_slow_one(
    strict: Replica, member: Member
) -> None:
    async with strict.client(member.token) as client:
        for _ in range(3):
            assert (await client.get("/tenant")).status_code == 200
            await asyncio.sleep(LIMITS.header_seconds / 2)
