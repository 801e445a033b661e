"""Models that wait for the test, replicas of a platform, and a process that generates until it is killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from pydantic import PrivateAttr
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aura import Answer, AnswerEvent, Aura, Settings, Workspace
from aura.answering.events import Timings
from aura.answering.responses import Responses
from aura.database.engine import Database
from aura.database.tables import response_events, responses
from aura.errors import Unavailable
from aura.identity import Scope
from aura.memory.conversations import Conversations
from aura.testing.embeddings import HashEmbedding
from aura.workspace import Principal

QUESTION = "Tell me about storks"
WORDS = tuple(f"Stork {n} stands on one leg. " for n in range(40))
SHORT_LEASE_SECONDS = 1.2
"""Of a process that will be gone, so that nobody waits long for its work."""


class Speaker(CustomLLM):
    """Says `words`, each call its own where several are given, and waits before the word of each number that is held."""

    _scripts: list[Sequence[str]] = PrivateAttr(default_factory=lambda: [WORDS])
    _holds: dict[int, asyncio.Event] = PrivateAttr(default_factory=dict)
    _error: Exception | None = PrivateAttr(default=None)
    _asked: list[list[str]] = PrivateAttr(default_factory=list)
    _open: int = PrivateAttr(default=0)

    def forget(self) -> None:
        """Begin as new."""
        self._scripts, self._holds, self._error, self._asked = [WORDS], {}, None, []

    def says(self, *scripts: Sequence[str]) -> None:
        self._scripts = list(scripts)

    def fails(self, error: Exception) -> None:
        self._error = error

    def hold(self, number: int) -> asyncio.Event:
        """Wait before this word until the event is set."""
        self._holds[number] = asyncio.Event()
        return self._holds[number]

    @property
    def calls(self) -> int:
        return len(self._asked)

    @property
    def asked(self) -> list[list[str]]:
        """The prompt of each call."""
        return self._asked

    @property
    def open(self) -> int:
        """How many streams are not closed."""
        return self._open

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="speaker", is_chat_model=True)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise NotImplementedError

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        script = self._scripts[min(self.calls, len(self._scripts) - 1)]
        self._asked.append([message.content or "" for message in messages])

        async def stream() -> Any:
            self._open += 1
            try:
                for number, word in enumerate(script):
                    if number in self._holds:
                        await self._holds[number].wait()
                    await asyncio.sleep(0)
                    yield ChatResponse(message=ChatMessage(role="assistant", content=""), delta=word)
                if self._error is not None:
                    raise self._error
            finally:
                self._open -= 1

        return stream()


class FragileDatabase(Database):
    """A database that a test can take away."""

    away = False

    @asynccontextmanager
    async def tenant(self, scope: Scope, *, snapshot: bool = False) -> AsyncGenerator[AsyncConnection]:
        if self.away:
            raise Unavailable("the database is away")
        async with super().tenant(scope, snapshot=snapshot) as session:
            yield session


class Replica:
    """Another process of the same platform, as far as responses go: its own connections, its own memory."""

    def __init__(self, database: FragileDatabase, *, resume_seconds: float = 30.0, lease_seconds: float = 10.0) -> None:
        self.database = database
        self.responses = Responses(
            database,
            lambda scope: Conversations(database, scope),
            resume_seconds=resume_seconds,
            lease_seconds=lease_seconds,
        )

    def of(self, workspace: Workspace, model: CustomLLM | None = None) -> Workspace:
        """The same workspace here, over another model if one is given."""
        parts = msgspec.structs.replace(
            workspace._parts, database=self.database, responses=self.responses, llm=model or workspace._parts.llm
        )
        return Workspace(parts, Principal.of(workspace.organisation, workspace.user))

    async def die(self) -> None:
        """Stop at once, and tell nobody: as SIGKILL does."""
        tasks = list(self.responses._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def held(self) -> int:
        """How many responses it holds in memory."""
        return len(self.responses._journal.runs)


Replicas = Callable[..., Replica]
"""Makes replicas."""


async def read(workspace: Workspace, response_id: UUID, after_seq: int = -1) -> list[AnswerEvent]:
    """All events behind `after_seq`."""
    async with asyncio.timeout(60), aclosing(workspace.responses.read(response_id, after_seq)) as events:
        return [plain(event) async for event in events]


async def read_until(workspace: Workspace, response_id: UUID, seq: int, after_seq: int = -1) -> list[AnswerEvent]:
    """The events up to `seq`; then the reader is gone."""
    found: list[AnswerEvent] = []
    async with asyncio.timeout(60), aclosing(workspace.responses.read(response_id, after_seq)) as events:
        async for event in events:
            found.append(plain(event))
            if event.seq >= seq:
                break
    return found


async def start(workspace: Workspace, question: str = QUESTION, **options: Any) -> UUID:
    return await workspace.responses.start(question, search_knowledge=False, **options)


def plain(event: AnswerEvent) -> AnswerEvent:
    """The event without the times it took, which no two runs share."""
    answer = getattr(event, "answer", None)
    if not isinstance(answer, Answer):
        return event
    return msgspec.structs.replace(event, answer=msgspec.structs.replace(answer, timings=Timings()))  # pyright: ignore[reportCallIssue]


def text_of(events: Sequence[AnswerEvent]) -> str:
    return "".join(getattr(event, "text", "") for event in events)


async def until(condition: Any, seconds: float = 30) -> None:
    """Wait until `condition()`, which may be a coroutine function, holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)


async def stored_events(database: Database, workspace: Workspace, response_id: UUID) -> int:
    """How many events of a response are in the database."""
    query = select(func.max(response_events.c.last_seq)).where(response_events.c.response_id == response_id)
    async with database.tenant(workspace.scope.as_service()) as session:
        last = await session.scalar(query)
        return 0 if last is None else last + 1


async def state_of(database: Database, workspace: Workspace, response_id: UUID) -> str | None:
    async with database.tenant(workspace.scope.as_service()) as session:
        return await session.scalar(select(responses.c.state).where(responses.c.id == response_id))


async def rows_of(database: Database, workspace: Workspace, response_id: UUID) -> int:
    query = select(func.count()).where(response_events.c.response_id == response_id)
    async with database.tenant(workspace.scope.as_service()) as session:
        return int(await session.scalar(query) or 0)


class Slow(Speaker):
    """Says a word every few milliseconds: the model of the process that is killed."""

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        async def stream() -> Any:
            for word in WORDS:
                await asyncio.sleep(0.1)
                yield ChatResponse(message=ChatMessage(role="assistant", content=""), delta=word)

        return stream()


async def generate(data_dir: str, subdomain: str, conversation: str) -> None:
    """What the process does: start one response, say its id, and read it aloud."""
    settings = Settings.load(data_dir=Path(data_dir), response_lease_seconds=SHORT_LEASE_SECONDS)
    async with Aura.open(settings, embed_model=HashEmbedding(), llm=Slow(), recover=False) as aura:
        workspace = await aura.workspace(subdomain)
        response_id = await start(workspace, conversation=UUID(conversation))
        print(response_id, flush=True)
        async for event in workspace.responses.read(response_id):
            print(msgspec.json.encode(event).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(generate(*sys.argv[1:]))
