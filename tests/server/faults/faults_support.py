"""Server processes that tests kill, starve and race: the real application under uvicorn, over a model that takes its time.

Run as a program, this file is such a process: it is told what to be on its standard input, says on its standard output
where it listens and what becomes of its model's calls, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import uvicorn
from llama_index.core.llms import ChatMessage, ChatResponseAsyncGen
from server_support import INTERNAL_API_KEY, PASSWORD, bearer

from aura import Aura, Settings
from aura.identity import Role
from aura.testing.embeddings import HashEmbedding
from aura.testing.llms import Reply, ScriptedLLM
from aura_server.app import Options, create_app
from aura_server.hardening import Limits
from aura_server.serve import config_of

WORDS = tuple(f"Stork {n} stands on one leg. " for n in range(40))
QUESTION = {"message": "Tell me about storks", "search_knowledge": False}
SHORT_LEASE = {"response_lease_seconds": 3.0}
"""So that nobody waits long for the work of a process that was killed."""
_CALLS = 10_000


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a server process is told to be."""

    data_dir: str
    settings: dict[str, Any] = {}
    limits: Limits = Limits()
    words: tuple[str, ...] = WORDS
    word_seconds: float = 0.1
    works: bool = False
    """Whether it works on documents, too."""
    send_buffer_bytes: int | None = None
    """Of the sockets that it accepts, so that a client that reads nothing is noticed early."""


class Storyteller(ScriptedLLM):
    """Says the same at every call, word by word, and tells on standard output how each call ends."""

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        said = await super().astream_chat(messages, **kwargs)
        tell(model="called")

        async def telling() -> ChatResponseAsyncGen:
            how = "cancelled"
            try:
                async for each in said:
                    yield each
                how = "done"
            finally:
                tell(model=how)

        return telling()


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


class Replica:
    """A server process, as the test sees it."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url
        self.told: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.told.append(json.loads(line))

    def count(self, how: str) -> int:
        """How many of the model's calls were "called", "done" or "cancelled"."""
        return sum(each.get("model") == how for each in self.told)

    def client(self, credential: str | None = None, **options: Any) -> httpx.AsyncClient:
        """A client that shows `credential` to this one."""
        headers = {} if credential is None else bearer(credential)
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, **options)

    async def kill(self) -> None:
        """SIGKILL."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading


@asynccontextmanager
async def replica(data_dir: Path, **orders: Any) -> AsyncGenerator[Replica]:
    """A server process on `data_dir`, whose database must be running; killed at the end."""
    told = msgspec.json.encode(Orders(data_dir=str(data_dir), **orders))
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, stdin=PIPE, stdout=PIPE, limit=2**20, env={**os.environ, "PYTHONPATH": _path()}
    )
    assert process.stdin is not None
    assert process.stdout is not None
    found: Replica | None = None
    try:
        process.stdin.write(told + b"\n")
        async with asyncio.timeout(120):
            line = await process.stdout.readline()
        found = Replica(process, json.loads(line)["url"])
        yield found
    finally:
        if found is not None:
            await found.kill()
        elif process.returncode is None:
            process.kill()
            await process.wait()


def _path() -> str:
    return os.pathsep.join(each for each in sys.path if each)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: a member of an organisation of the test's own, with an access token of a day."""

    organisation_id: str
    user_id: str
    token: str


async def new_member(aura: Aura, **plan: Any) -> Member:
    """The admin of a new organisation."""
    name = f"stork{uuid4().hex[:8]}"
    await aura.tenants.create(
        organization_name=name, subdomain=name, admin_email=f"a@{name}.test", password=PASSWORD, **plan
    )
    member = await aura.workspace(name, f"a@{name}.test")
    assert member.user is not None
    assert member.user.role is Role.ADMIN
    login = await aura.access.open_session(member.organisation, member.user)
    return Member(organisation_id=str(member.organisation.id), user_id=str(member.user.id), token=login.access_token)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A server-sent event, as it came."""

    name: str
    id: str | None
    data: dict[str, Any]

    @property
    def seq(self) -> int:
        assert self.id is not None
        return int(self.id.rpartition(":")[2])


async def events_of(response: httpx.Response) -> AsyncGenerator[Event]:
    """The events of a stream but its pings. Raises what httpx does when the connection is lost."""
    assert response.status_code == 200, await response.aread()
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if fields["event"] != "ping":
                yield Event(name=fields["event"], id=fields.get("id"), data=json.loads(fields["data"]))
            fields = {}


@asynccontextmanager
async def asking(client: httpx.AsyncClient, **body: Any) -> AsyncGenerator[AsyncGenerator[Event]]:
    """The events of a new answer."""
    async with client.stream("POST", "/chat/stream", json={**QUESTION, **body}) as response:
        yield events_of(response)


@asynccontextmanager
async def resuming(client: httpx.AsyncClient, last_event_id: str) -> AsyncGenerator[AsyncGenerator[Event]]:
    """The events behind `last_event_id`."""
    async with client.stream("POST", "/chat/stream", headers={"Last-Event-ID": last_event_id}) as response:
        yield events_of(response)


def plain(events: Sequence[Event]) -> list[tuple[int, str, dict[str, Any]]]:
    """What two runs of the same answer share: all but ids that are new each time, and times."""
    new = ("session_id", "message_id", "timings", "response_time")
    return [
        (each.seq, each.name, {key: value for key, value in each.data.items() if key not in new}) for each in events
    ]


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until `condition()`, which may be a coroutine function, holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


# -- the process -------------------------------------------------------------------------------------------------------


async def serve(orders: Orders) -> None:
    """Serve until killed."""
    generous = {"requests_per_minute": 1_000_000, "user_requests_per_minute": 1_000_000}
    given = {"database_pool_size": 5, "internal_api_key": INTERNAL_API_KEY, **generous, **orders.settings}
    settings = Settings.load(data_dir=Path(orders.data_dir), **given)
    model = Storyteller([Reply(chunks=orders.words, delay_seconds=orders.word_seconds)] * _CALLS)
    async with Aura.open(settings, embed_model=HashEmbedding(), llm=model, recover=False) as aura:
        app = create_app(aura, Options(limits=orders.limits))
        server = uvicorn.Server(config_of(app, settings, orders.limits))
        listener = _listener(orders)
        tell(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        working = asyncio.create_task(aura.worker().run(asyncio.Event())) if orders.works else None
        await server.serve(sockets=[listener])
        if working is not None:
            working.cancel()


def _listener(orders: Orders) -> Any:
    import socket

    listener = socket.socket()
    if orders.send_buffer_bytes is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, orders.send_buffer_bytes)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    return listener


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    read = msgspec.json.decode(sys.stdin.readline(), type=Orders)
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    asyncio.run(serve(read))
