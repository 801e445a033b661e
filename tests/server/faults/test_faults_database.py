"""The database restarts while a server is under load: callers are told to come again, and nothing taken in is lost."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from faults_support import QUESTION, Member, Replica, new_member, replica, until

from aura import Aura, Settings
from aura.database import postmaster
from aura.database.embedded import EmbeddedServer
from aura.testing.embeddings import HashEmbedding

Call = Callable[[], Awaitable[httpx.Response]]


@pytest.fixture
def own() -> Iterator[EmbeddedServer]:
    """A database that may be stopped."""
    with tempfile.TemporaryDirectory(prefix="aura-tests-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedServer.start(Path(folder).resolve())
        yield server
        server.stop()


async def test_a_restart_of_the_database_under_load_is_503_while_it_lasts_and_loses_no_document(
    own: EmbeddedServer,
) -> None:
    data_dir = own._directory.parent
    async with Aura.open(Settings.load(data_dir=data_dir), embed_model=HashEmbedding(), recover=False) as aura:
        member = await new_member(aura)
    options = {"works": True, "words": ("Yes.",), "word_seconds": 0.0, "settings": {"ingest_lease_seconds": 2.0}}
    async with replica(data_dir, **options) as server, server.client(member.token) as client:
        load = _Load(client)
        async with asyncio.TaskGroup() as group:
            for call in (load.ask, load.search, load.upload):
                group.create_task(load.repeat(call))
            await until(lambda: load.answered >= 10)
            await asyncio.to_thread(postmaster.stop, own._directory)
            await until(lambda: len(load.refused) >= 10)
            await asyncio.to_thread(own.ensure_running)
            before = load.answered
            await until(lambda: load.answered >= before + 20)
            load.over.set()
        assert {response.status_code for response in load.refused} == {503}
        assert all(_comes_again(response) for response in load.refused)
        assert {response.status_code for response in [await load.ask(), await load.search(), await load.upload()]} <= {
            200,
            202,
        }
        await _all_ready(server, member, load.taken)


class _Load:
    """Callers that ask, search and upload, each one call after the other."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.over = asyncio.Event()
        self.answered = 0
        self.refused: list[httpx.Response] = []
        self.taken: set[str] = set()
        self._client = client
        self._numbers = itertools.count()

    async def repeat(self, call: Call) -> None:
        while not self.over.is_set():
            response = await call()
            if response.is_success:
                self.answered += 1
            else:
                self.refused.append(response)

    async def ask(self) -> httpx.Response:
        return await self._client.post("/chat/", json=QUESTION)

    async def search(self) -> httpx.Response:
        return await self._client.get("/documents/search", params={"q": "storks"})

    async def upload(self) -> httpx.Response:
        number = next(self._numbers)
        text = f"Note {number}: stork number {number} stands on one leg.".encode()
        response = await self._client.post("/documents/", files={"files": (f"note-{number}.txt", text, "text/plain")})
        if response.is_success:
            self.taken |= {each["id"] for each in response.json()["documents"]}
        return response


def _comes_again(response: httpx.Response) -> bool:
    return (
        response.headers["content-type"] == "application/problem+json"
        and int(response.headers["Retry-After"]) > 0
        and bool(response.json()["request_id"])
    )


async def _all_ready(server: Replica, member: Member, taken: set[str]) -> None:
    """Wait until each document that was taken in is ready."""
    async with server.client(member.token) as client:

        async def ready() -> bool:
            page = (await client.get("/documents/", params={"stage": "ready", "limit": 1000})).json()
            return taken <= {each["id"] for each in page["items"]}

        await until(ready, seconds=240)
