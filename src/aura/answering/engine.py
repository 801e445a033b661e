"""From a question to the one stream of events: retrieve, prompt, generate, check every citation as it passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Protocol
from uuid import UUID, uuid4

import msgspec
from llama_index.core.llms import LLM, ChatMessage, ChatResponse, MessageRole

from aura.answering.context import Context, ContextBuilder
from aura.answering.events import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Delta,
    Failed,
    Final,
    Refusal,
    Sources,
    Timings,
)
from aura.answering.llms import provider_of, translate, usage
from aura.answering.prompts import answer_messages, refusal, standalone
from aura.answering.stream import AnswerStream, Checked, Piece
from aura.errors import AuraError, InvalidRequest, Unavailable
from aura.identity import CollectionId, ConversationId
from aura.index.passage import Passage
from aura.usage.metering import Call, Meter

LONGEST_MESSAGE = 100_000
"""Characters of one message."""
EXTRACTIVE = "extractive"
"""The name of the model that costs nothing."""
_TURNS_OF_HISTORY = 6


class Turn(Protocol):
    """A message of a conversation, as the engine reads it."""

    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...


class History(Protocol):
    """Where turns are kept."""

    async def recent(self, conversation_id: ConversationId, *, limit: int = 10) -> Sequence[Turn]: ...
    async def add_turn(self, conversation_id: ConversationId, asked: str, answer: Answer) -> UUID: ...


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One question, as `Workspace.ask` takes it."""

    message: str
    conversation_id: ConversationId | None = None
    collection_id: CollectionId | None = None
    use_memory: bool = True
    search_knowledge: bool = True
    temporary: bool = False


class AnswerEngine:
    """Answers in one scope. Light: it is made for a workspace and holds nothing of a question."""

    def __init__(
        self,
        *,
        context: ContextBuilder,
        conversations: History,
        llm: LLM,
        meter: Meter,
    ) -> None:
        self._context = context
        self._conversations = conversations
        self._llm = llm
        self._meter = meter

    async def answer(self, ask: Ask) -> Answer:
        """The finished answer; raises what `stream` reports as `error`."""
        async with aclosing(self._events(ask)) as events:
            async for event in events:
                if isinstance(event, Final | Refusal):
                    return event.answer
        raise Unavailable("the answer ended without an end; ask again")

    async def stream(self, ask: Ask) -> AsyncGenerator[AnswerEvent]:
        """`sources`, `delta`s and `citation`s, then `final`, `refusal` or `error`."""
        response_id, seq = uuid4(), 0
        try:
            async with aclosing(self._events(ask, response_id)) as events:
                async for event in events:
                    seq = event.seq + 1
                    yield event
        except AuraError as error:
            yield Failed(
                response_id=response_id,
                seq=seq,
                kind=type(error).__name__,
                message=str(error),
                retry_after_seconds=getattr(error, "retry_after_seconds", None),
            )

    async def _events(self, ask: Ask, response_id: UUID | None = None) -> AsyncGenerator[AnswerEvent]:
        response = _Response(ask, response_id or uuid4(), self._llm)
        _refuse_unusable(ask.message)
        history = await self._history(ask)
        async with self._meter.metered(response.call), aclosing(self._respond(ask, response, history)) as events:
            async for event in events:
                yield event

    async def _respond(
        self, ask: Ask, response: _Response, history: Sequence[ChatMessage]
    ) -> AsyncGenerator[AnswerEvent]:
        response.question = standalone(history, ask.message)
        passages = await self._retrieve(ask, response) if ask.search_knowledge else ()
        yield response.sources(passages)
        try:
            if passages or not ask.search_knowledge:
                async with aclosing(self._generate(ask, response, history)) as pieces:
                    async for piece in pieces:
                        yield response.piece(piece)
        except (GeneratorExit, asyncio.CancelledError):
            await asyncio.shield(self._store(ask, response.answer()))
            raise
        answer = response.answer()
        answer = msgspec.structs.replace(answer, message_id=await self._store(ask, answer))
        response.call.ended(refused=answer.refused)
        end = Refusal if answer.refused else Final
        yield end(response_id=response.id, seq=response.next_seq(), answer=answer)

    async def _generate(self, ask: Ask, response: _Response, history: Sequence[ChatMessage]) -> AsyncGenerator[Piece]:
        """The model's text and citations, checked as they pass."""
        stream = AnswerStream(response.passages, question=ask.message, knowledge=ask.search_knowledge)
        messages = (
            answer_messages(response.question, response.passages, history)
            if ask.search_knowledge
            else [*history, ChatMessage(role=MessageRole.USER, content=ask.message)]
        )
        response.call.asked(messages)
        try:
            async with _closing(await self._llm.astream_chat(messages)) as tokens:
                async for token in tokens:
                    response.note_first_token()
                    response.call.heard(token.delta or "", usage(token))
                    for piece in stream.feed(token.delta or ""):
                        yield piece
        except AuraError:
            raise
        except Exception as error:  # a vendor's own errors, whatever they are
            raise translate(error) from error
        response.end = stream.finish()
        for piece in response.end.pieces:
            yield piece

    async def _history(self, ask: Ask) -> list[ChatMessage]:
        """What was said before. A conversation that is not the caller's is refused here, before anything is spent on it."""
        if ask.conversation_id is None:
            return []
        turns = await self._conversations.recent(
            ask.conversation_id, limit=2 * _TURNS_OF_HISTORY if ask.use_memory else 0
        )
        return [ChatMessage(role=MessageRole(turn.role), content=turn.text) for turn in turns]

    async def _retrieve(self, ask: Ask, response: _Response) -> tuple[Passage, ...]:
        context = await self._context.passages(response.question, ask.collection_id)
        response.note_retrieval(context)
        return context.passages

    async def _store(self, ask: Ask, answer: Answer) -> UUID | None:
        if ask.conversation_id is None or ask.temporary:
            return None
        return await self._conversations.add_turn(ask.conversation_id, ask.message, answer)


class _Response:
    """What one response has come to so far: its numbering, its clock, its passages, its text."""

    def __init__(self, ask: Ask, response_id: UUID, llm: LLM) -> None:
        model = llm.metadata.model_name
        self.id = response_id
        self.call = Call(response_id, provider=provider_of(llm), model=model, free=model == EXTRACTIVE)
        self.question = ask.message
        self.passages: tuple[Passage, ...] = ()
        self.end: Checked | None = None
        self._ask = ask
        self._model = model
        self._text = ""
        self._citations: list[Citation] = []
        self._seq = 0
        self._started = time.perf_counter()
        self._timings = Timings()

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq - 1

    def sources(self, passages: tuple[Passage, ...]) -> Sources:
        self.passages = passages
        return Sources(response_id=self.id, seq=self.next_seq(), passages=passages)

    def piece(self, piece: Piece) -> Delta | Cited:
        if isinstance(piece, Citation):
            self._citations.append(piece)
            return Cited(response_id=self.id, seq=self.next_seq(), citation=piece)
        self._text += piece
        return Delta(response_id=self.id, seq=self.next_seq(), text=piece)

    def note_retrieval(self, results: Context) -> None:
        self._timings = msgspec.structs.replace(
            self._timings, embedding_seconds=results.embedding_seconds, retrieval_seconds=results.retrieval_seconds
        )

    def note_first_token(self) -> None:
        if self._timings.first_token_seconds is None:
            elapsed = time.perf_counter() - self._started
            self._timings = msgspec.structs.replace(self._timings, first_token_seconds=elapsed)

    def answer(self) -> Answer:
        """The answer as it stands: finished, a refusal, or what was said until the stream was closed."""
        refused = self.end.refused if self.end is not None else self._ask.search_knowledge and not self.passages
        text, citations = self._text, tuple(self._citations)
        if self.end is not None:
            text, citations = self.end.text, self.end.citations
        return Answer(
            response_id=self.id,
            question=self.question,
            text=refusal(self._ask.message) if refused else text,
            citations=() if refused else citations,
            sources=self.passages,
            refused=refused,
            model=self._model,
            cost_usd=0.0 if self._model == EXTRACTIVE else None,
            timings=msgspec.structs.replace(self._timings, total_seconds=time.perf_counter() - self._started),
            conversation_id=self._ask.conversation_id,
        )


@asynccontextmanager
async def _closing(stream: AsyncIterable[ChatResponse]) -> AsyncGenerator[AsyncIterable[ChatResponse]]:
    """Close a model's stream with its consumer, so that the vendor stops: LlamaIndex only promises that it is iterable."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def _refuse_unusable(message: str) -> None:
    if not message.strip():
        raise InvalidRequest("the message is empty: ask something", field="message")
    if len(message) > LONGEST_MESSAGE:
        raise InvalidRequest(
            f"the message has {len(message)} characters, more than {LONGEST_MESSAGE}: upload it as a document instead",
            field="message",
        )
