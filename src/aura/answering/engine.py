"""From a question to the one stream of events: retrieve, prompt, generate, check every citation as it passes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Literal, Protocol
from uuid import UUID, uuid4

import msgspec
from llama_index.core.llms import LLM, ChatMessage, ChatResponse, MessageRole
from sqlalchemy.ext.asyncio import AsyncConnection

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
from aura.answering.gathering import Gatherer, Prompt, Spoken, Wanted
from aura.answering.hygiene import storable
from aura.answering.llms import provider_of, translate, usage
from aura.answering.notes import Remembers
from aura.answering.prompts import IN_STYLE, refusal, standalone
from aura.answering.stream import AnswerStream, Checked, Piece
from aura.errors import AuraError, InvalidRequest, Unavailable
from aura.identity import CollectionId, ConversationId
from aura.index.passage import Passage
from aura.persona.rendering import NEUTRAL, Style
from aura.persona.traits import Channel
from aura.router.smart_router import SmartRouter
from aura.router.trace import Trace
from aura.usage.metering import Call, Meter

_log = logging.getLogger(__name__)

LONGEST_MESSAGE = 100_000
"""Characters of one message."""
EXTRACTIVE = "extractive"
"""The name of the model that costs nothing."""
OWN = "memory"
"""The name under which AURA itself answers, about what it remembers."""
_TURNS_OF_HISTORY = 6


InConversation = ConversationId | Literal["new"] | None
"""What a question is a turn of: of a conversation, of one that begins with it, or of none."""


class History(Protocol):
    """Where turns are kept."""

    async def require(self, conversation_id: ConversationId) -> None: ...
    async def recent(
        self, conversation_id: ConversationId, *, limit: int = 10, until: int | None = None
    ) -> Sequence[Spoken]: ...
    async def last_seq(self, conversation_id: ConversationId) -> int: ...
    async def add_turn(
        self,
        conversation_id: ConversationId,
        asked: str,
        answer: Answer,
        *,
        message_id: UUID | None = None,
        begins: bool = False,
        also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
        teaches: Channel | None = None,
    ) -> UUID: ...


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that the caller keeps, and AURA does not."""

    role: Literal["user", "assistant"]
    text: str


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One question, as `Workspace.ask` takes it.

    `history` is what was said before, where no conversation holds it; `history_until` the `seq` of the conversation's last
    message that counts as said before, so that asking again gives the same prompt. `begins`: the conversation begins with
    this question, and is not there before its answer is. `style` is the asker's persona as it was when the question came;
    `teaches` the channel that the persona learns of it for, None where it learns nothing.
    """

    message: str
    history: tuple[Said, ...] = ()
    conversation_id: ConversationId | None = None
    begins: bool = False
    history_until: int | None = None
    collection_id: CollectionId | None = None
    use_memory: bool = True
    search_knowledge: bool = True
    temporary: bool = False
    style: Style = NEUTRAL
    teaches: Channel | None = None


class Commands(Protocol):
    """What the user says to AURA itself, and not to the model."""

    async def reply(self, message: str, earlier: Sequence[Spoken]) -> str | None: ...


class AnswerEngine:
    """Answers in one scope. Light: it is made for a workspace and holds nothing of a question."""

    def __init__(
        self,
        *,
        context: ContextBuilder,
        conversations: History,
        llm: LLM,
        meter: Meter,
        memory: Remembers | None = None,
        commands: Commands | None = None,
        prompt_tokens: int = 8_000,
    ) -> None:
        window = llm.metadata.context_window - llm.metadata.num_output
        self._gatherer = Gatherer(context, memory, budget=min(prompt_tokens, window))
        self._conversations = conversations
        self._commands = commands
        self._llm = llm
        self._meter = meter

    @property
    def model(self) -> str:
        """The name of the model that answers."""
        return self._llm.metadata.model_name

    async def answer(self, ask: Ask) -> Answer:
        """The finished answer; raises what `stream` reports as `error`."""
        async with aclosing(self._kept(self.begin(ask))) as events:
            async for event in events:
                if isinstance(event, Final | Refusal):
                    return event.answer
        raise Unavailable("the answer ended without an end; ask again")

    async def stream(self, ask: Ask) -> AsyncGenerator[AnswerEvent]:
        """`sources`, `delta`s and `citation`s, then `final`, `refusal` or `error`. Closing it stores what was said."""
        generation = self.begin(ask)
        try:
            async with aclosing(self._kept(generation)) as events:
                async for event in events:
                    yield event
        except AuraError as error:
            yield generation.failed(error)

    def begin(self, ask: Ask, *, response_id: UUID | None = None, message_id: UUID | None = None) -> Generation:
        """One answer, not begun yet: `events` makes it.

        Args:
            message_id: what the answer's message will be called; storing it again changes nothing.
        """
        response_id = response_id or uuid4()
        call = Call(response_id, provider=provider_of(self._llm), model=self.model, free=self.model == EXTRACTIVE)
        return Generation(self, ask, call, response_id=response_id, message_id=message_id, model=self.model)

    async def events(self, generation: Generation) -> AsyncGenerator[AnswerEvent]:
        """`sources`, `delta`s and `citation`s, then `final` or `refusal`, whose turn is stored; raises `AuraError`.

        Closing it closes the model's stream and stores nothing: `Generation.keep` does.
        """
        ask = generation.ask
        refuse_unusable(ask.message)
        earlier = await self._earlier(ask)
        async with self._meter.metered(generation.call), aclosing(self._respond(generation, earlier)) as events:
            async for event in events:
                yield event

    async def _respond(self, generation: Generation, earlier: Sequence[Spoken]) -> AsyncGenerator[AnswerEvent]:
        ask = generation.ask
        own = await self._own_reply(ask, earlier)
        prompt = None if own is not None else await self._prompt(generation, earlier)
        yield generation.sources(() if prompt is None else prompt.passages)
        if own is not None:
            yield generation.own(own)
        elif prompt is not None and (prompt.passages or not ask.search_knowledge):
            async with aclosing(self._generate(generation, prompt.messages)) as pieces:
                async for piece in pieces:
                    yield generation.piece(piece)
        generation.finished = True
        answer = generation.answer()
        generation.call.ended(refused=answer.refused)
        answer = await generation.keep(answer)
        end = Refusal if answer.refused else Final
        yield end(response_id=generation.id, seq=generation.next_seq(), answer=answer)

    async def store(self, ask: Ask, answer: Answer, message_id: UUID | None, call: Call) -> UUID | None:
        """Store the turn, and what `call` took; the id of the answer's message, None where nothing is to be kept."""
        if ask.conversation_id is None or ask.temporary:
            return None
        row = self._meter.row(call)
        stored = await self._conversations.add_turn(
            ask.conversation_id,
            ask.message,
            answer,
            message_id=message_id,
            begins=ask.begins,
            teaches=ask.teaches,
            also=None if row is None else partial(self._meter.write, row=row),
        )
        if row is not None:
            self._meter.written(call, row)
        return stored

    async def _kept(self, generation: Generation) -> AsyncGenerator[AnswerEvent]:
        """The events; a reader who goes away before the end leaves what was said behind, stored as stopped."""
        try:
            async with aclosing(self.events(generation)) as events:
                async for event in events:
                    yield event
        except (GeneratorExit, asyncio.CancelledError):
            if not generation.finished and generation.began:
                await asyncio.shield(generation.keep(generation.answer(stopped=True)))
            raise

    async def _generate(self, response: Generation, messages: Sequence[ChatMessage]) -> AsyncGenerator[Piece]:
        """The model's text and citations, checked as they pass."""
        ask = response.ask
        stream = AnswerStream(
            response.passages,
            question=ask.message,
            language=ask.style.forced_language,
            knowledge=ask.search_knowledge,
        )
        response.call.asked(messages)
        llm = response.routed(self._llm)
        try:
            async with _closing(await llm.astream_chat(messages)) as tokens:
                async for token in tokens:
                    response.note_first_token()
                    response.note_manner(token)
                    response.call.heard(token.delta or "", usage(token))
                    for piece in stream.feed(storable(token.delta or "")):
                        yield piece
        except AuraError:
            raise
        except Exception as error:  # a vendor's own errors, whatever they are
            raise translate(error) from error
        response.end = stream.finish()
        for piece in response.end.pieces:
            yield piece

    async def _own_reply(self, ask: Ask, earlier: Sequence[Spoken]) -> str | None:
        """What AURA itself answers, in a conversation that is kept; None where the model does."""
        if self._commands is None or ask.conversation_id is None or ask.temporary or not ask.use_memory:
            return None
        return await self._commands.reply(ask.message, earlier)

    async def _earlier(self, ask: Ask) -> Sequence[Spoken]:
        """What was said before. A conversation that is not the caller's is refused here, before anything is spent on it."""
        if ask.conversation_id is None:
            return ()
        if ask.begins or ask.history_until == 0:  # it was the caller's, and empty, when the response began
            return ()
        if not ask.use_memory:
            await self._conversations.require(ask.conversation_id)
            return ()
        return await self._conversations.recent(
            ask.conversation_id, limit=2 * _TURNS_OF_HISTORY, until=ask.history_until
        )

    async def _prompt(self, response: Generation, earlier: Sequence[Spoken]) -> Prompt:
        ask = response.ask
        history = _latest(ask.history) if ask.conversation_id is None and ask.use_memory else []
        history += [ChatMessage(role=MessageRole(turn.role), content=turn.text) for turn in earlier if turn.text]
        response.question = standalone(history, ask.message)
        wanted = Wanted(
            question=response.question,
            message=ask.message,
            knowledge=ask.search_knowledge,
            memory=ask.use_memory,
            quoting=self.model == EXTRACTIVE,
            collection_id=ask.collection_id,
            conversation_id=ask.conversation_id,
            earlier=earlier,
        )
        prompt = await self._gatherer.prompt(wanted, history, ask.style)
        if ask.search_knowledge:
            response.note_retrieval(prompt.context)
        return prompt


class Generation:
    """One answer in the making: its numbering, its clock, its passages, its text."""

    def __init__(
        self, engine: AnswerEngine, ask: Ask, call: Call, *, response_id: UUID, message_id: UUID | None, model: str
    ) -> None:
        self.ask = ask
        self.call = call
        self.id = response_id
        self.question = ask.message
        self.passages: tuple[Passage, ...] = ()
        self.end: Checked | None = None
        self.finished = False
        """Whether the model is done, and stopping can change nothing any more."""
        self._engine = engine
        self._message_id = message_id
        self._model = model
        self._cost_usd = 0.0 if model == EXTRACTIVE else None
        self._text = ""
        self._in_style = not ask.style.says_nothing
        self._citations: list[Citation] = []
        self._embedding: Sequence[float] = ()
        self._seq = 0
        self._started = time.perf_counter()
        self._timings = Timings()

    @property
    def began(self) -> bool:
        """Whether there was any event."""
        return self._seq > 0

    def events(self) -> AsyncGenerator[AnswerEvent]:
        """As `AnswerEngine.events`."""
        return self._engine.events(self)

    async def keep(self, answer: Answer) -> Answer:
        """Store the turn; the answer with the id of its message."""
        message_id = await self._engine.store(self.ask, answer, self._message_id, self.call)
        return msgspec.structs.replace(answer, message_id=message_id)

    def failed(self, error: AuraError) -> Failed:
        """The event that ends it with an error."""
        return failure(self.id, self._seq, error)

    def routed(self, llm: LLM) -> LLM:
        """`llm`; a router is told what it is asked for, and tells who has answered and what it cost."""
        if not isinstance(llm, SmartRouter):
            return llm
        self.call.routed = True
        context = msgspec.structs.replace(
            llm.context,
            conversation=None if self.ask.conversation_id is None else str(self.ask.conversation_id),
            response_id=self.id,
            question=self.ask.message,
            embedding=self._embedding,
            topic="" if self.ask.collection_id is None else str(self.ask.collection_id),
            on_trace=self._note_trace,
        )
        return llm.bound(context)

    def _note_trace(self, trace: Trace) -> None:
        self._model = trace.model or self._model
        self._cost_usd = trace.cost_micro_usd / 1_000_000
        _log.info("route %s", msgspec.json.encode(trace).decode())

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

    def own(self, text: str) -> Delta | Cited:
        """Answer without a model."""
        self._model, self._cost_usd, self._in_style = OWN, 0.0, False
        self.end = Checked(text=text, citations=(), refused=False)
        return self.piece(text)

    def note_retrieval(self, results: Context) -> None:
        self._embedding = results.embedding
        self._timings = msgspec.structs.replace(
            self._timings, embedding_seconds=results.embedding_seconds, retrieval_seconds=results.retrieval_seconds
        )

    def note_first_token(self) -> None:
        if self._timings.first_token_seconds is None:
            elapsed = time.perf_counter() - self._started
            self._timings = msgspec.structs.replace(self._timings, first_token_seconds=elapsed)

    def note_manner(self, token: ChatResponse) -> None:
        """Take notice where a model says itself whether it followed the persona; of others it is taken as told."""
        self._in_style = bool(token.additional_kwargs.get(IN_STYLE, self._in_style))

    def answer(self, *, stopped: bool = False) -> Answer:
        """The answer as it stands: finished, a refusal, or what was said until it was `stopped`."""
        refused = self.end.refused if self.end is not None else self._is_without_support and not stopped
        text, citations = self._text, tuple(self._citations)
        if self.end is not None:
            text, citations = self.end.text, self.end.citations
        no = refusal(self.ask.message, self.ask.style.forced_language)
        return Answer(
            response_id=self.id,
            question=self.question,
            text=no if refused else text,
            citations=() if refused else citations,
            sources=self.passages,
            refused=refused,
            model=self._model,
            cost_usd=self._cost_usd,
            timings=msgspec.structs.replace(self._timings, total_seconds=time.perf_counter() - self._started),
            conversation_id=self.ask.conversation_id,
            stopped=stopped,
            persona_applied=no != refusal(self.ask.message) if refused else self._in_style and bool(text),
        )

    @property
    def _is_without_support(self) -> bool:
        return self.ask.search_knowledge and not self.passages


def failure(response_id: UUID, seq: int, error: AuraError) -> Failed:
    """`error` as the event that tells of it."""
    return Failed(
        response_id=response_id,
        seq=seq,
        kind=type(error).__name__,
        message=str(error),
        retry_after_seconds=getattr(error, "retry_after_seconds", None),
    )


@asynccontextmanager
async def _closing(stream: AsyncIterable[ChatResponse]) -> AsyncGenerator[AsyncIterable[ChatResponse]]:
    """Close a model's stream with its consumer, so that the vendor stops: LlamaIndex only promises that it is iterable."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def _latest(history: Sequence[Said]) -> list[ChatMessage]:
    """The last turns, as many as an answer looks back on and their texts together are no longer than one message."""
    turns: list[ChatMessage] = []
    room = LONGEST_MESSAGE
    for said in reversed(history[-2 * _TURNS_OF_HISTORY :]):
        room -= len(said.text)
        if room < 0:
            break
        turns.append(ChatMessage(role=MessageRole(said.role), content=said.text))
    return turns[::-1]


def refuse_unusable(message: str) -> None:
    """Raise `InvalidRequest` for a message that can not be answered."""
    if not message.strip():
        raise InvalidRequest("the message is empty: ask something", field="message")
    if len(message) > LONGEST_MESSAGE:
        raise InvalidRequest(
            f"the message has {len(message)} characters, more than {LONGEST_MESSAGE}: upload it as a document instead",
            field="message",
        )
