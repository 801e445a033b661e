"""A site behind a connection that a test cuts: everything goes through, until the sockets of calls are torn."""

from __future__ import annotations

import asyncio
import dataclasses
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from browser_support import Site


class Line:
    """What lies between a browser and the site. Nobody gets through while it is `torn`."""

    def __init__(self) -> None:
        self._calls = set[StreamWriter]()
        self.torn = False

    def tear(self) -> None:
        """Cut the open calls off, without a word to either end, and let nobody through."""
        self.torn = True
        for writer in self._calls:
            writer.transport.abort()

    async def carry(self, reader: StreamReader, writer: StreamWriter, host: str, port: int) -> None:
        """Carry one connection to its end."""
        if self.torn:
            writer.transport.abort()
            return
        there, onwards = await asyncio.open_connection(host, port)
        first = await reader.read(65_536)
        if b"upgrade: websocket" in first.lower():
            self._calls |= {writer, onwards}
        onwards.write(first)
        await asyncio.gather(_pump(reader, onwards), _pump(there, writer))
        self._calls -= {writer, onwards}


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def behind_a_line(site: Site) -> AsyncGenerator[tuple[Site, Line]]:
    """The site at another address, and the line to it."""
    line, to = Line(), urlsplit(site.url)
    assert to.hostname is not None
    assert to.port is not None
    host, port = to.hostname, to.port

    async def carried(reader: StreamReader, writer: StreamWriter) -> None:
        await line.carry(reader, writer, host, port)

    server = await asyncio.start_server(carried, "127.0.0.1", 0)
    try:
        yield dataclasses.replace(site, url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), line
    finally:
        server.close()
