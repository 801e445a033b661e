"""From a question to the one stream of events: retrieve, prompt, generate, check every citation as it passes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Protocol
from uuid import UUID, uuid4

import msgspec
from llama_index.core.llms import LLM, ChatMessage, ChatResponse, MessageRole
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.answering.ahead import Ahead, Material
from aura.answering.ask import EXTRACTIVE, LONGEST_MESSAGE, Ask, Said, refuse_unusable
from aura.answering.context import ContextBuilder
from aura.answering.events import (
    Answer,
    AnswerEvent,
    Final,
    Refusal,
)
from aura.answering.gathering import Gathered, Gatherer, Prompt, Spoken, Wanted, together
from aura.answering.generation import Generation
from aura.answering.hygiene import storable
from aura.answering.llms import provider_of, translate, usage
from aura.answering.notes import Remembers
from aura.answering.prompts import standalone
from aura.answering.stream import AnswerStream, Piece
from aura.errors import AuraError, Unavailable
from aura.identity import ConversationId
from aura.persona.rendering import NEUTRAL, Style
from aura.persona.traits import Channel
from aura.usage.metering import Call, Meter

_log = logging.getLogger(__name__)

_TURNS_OF_HISTORY = 6


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
        replaces: UUID | None = None,
    ) -> UUID: ...


class Commands(Protocol):
    """What the user says to AURA itself, and not to the model."""

    async def reply(self, message: str, earlier: Sequence[Spoken]) -> str | None: ...


class Manners(Protocol):
    """How the asker wants to be answered."""

    async def style(self, channel: Channel = "text") -> Style: ...


class Notes(Protocol):
    """What takes note of what the user states."""

    async def noted(self, message: str, language: str | None = None, *, wishes: bool = False) -> str | None: ...


class AnswerEngine:
    """Answers in one scope. Light: it is made for a workspace and holds nothing of a question."""

    def __init__(
        self,
        *,
        context: ContextBuilder,
        conversations: History,
        llm: LLM,
        meter: Meter,
        persona: Manners,
        memory: Remembers | None = None,
        commands: Commands | None = None,
        notes: Notes | None = None,
        prompt_tokens: int = 8_000,
    ) -> None:
        window = llm.metadata.context_window - llm.metadata.num_output
        self._gatherer = Gatherer(context, memory, budget=min(prompt_tokens, window))
        self._conversations = conversations
        self._commands = commands
        self._persona = persona
        self._notes = notes
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

    def begin(
        self,
        ask: Ask,
        *,
        response_id: UUID | None = None,
        message_id: UUID | None = None,
        ahead: Ahead | None = None,
    ) -> Generation:
        """One answer, not begun yet: `events` makes it.

        Args:
            message_id: what the answer's message will be called; storing it again changes nothing.
            ahead: what is gathered for it already, if it was for the same words.
        """
        response_id = response_id or uuid4()
        call = Call(response_id, provider=provider_of(self._llm), model=self.model, free=self.model == EXTRACTIVE)
        return Generation(
            self, ask, call, response_id=response_id, message_id=message_id, model=self.model, ahead=ahead
        )

    async def gather(self, ask: Ask) -> Material:
        """What an answer to `ask` would be made of. It asks no model, and stores nothing.

        Raises:
            NotFound: the conversation is not the caller's.
            Unavailable: the database or the embedding model is away.

        Cost: one embedding, two or three transactions.
        """
        earlier = await self._earlier(ask)
        wanted, _ = self._wanted(ask, earlier)
        return Material(question=wanted.question, gathered=await self._gatherer.gather(wanted))

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
        generation.before = [each.text for each in earlier if each.role == "user"]
        own = await self._own_reply(ask, earlier)
        prompt = None if own is not None else await self._prompt(generation, earlier)
        yield generation.sources(() if prompt is None else prompt.passages)
        if own is not None:
            yield generation.own(own)
        elif prompt is not None and (prompt.passages or not ask.search_knowledge):
            async with aclosing(self._generate(generation, prompt.messages)) as pieces:
                async for piece in pieces:
                    yield generation.piece(piece)
        if noted := await self._noted(generation):
            yield generation.noted(noted)
        generation.finished = True
        answer = generation.answer()
        generation.call.ended(refused=answer.refused)
        answer = await generation.keep(answer)
        end = Refusal if answer.refused else Final
        yield end(response_id=generation.id, seq=generation.next_seq(), answer=answer)

    async def store(self, ask: Ask, answer: Answer, message_id: UUID | None, call: Call) -> UUID | None:
        """Store the turn, and what `call` took; the id of the answer's message, None where nothing is to be kept."""
        if ask.conversation_id is None or ask.temporary or ask.held:
            return None
        row = self._meter.row(call)
        stored = await self._conversations.add_turn(
            ask.conversation_id,
            ask.message,
            answer,
            message_id=message_id,
            begins=ask.begins,
            replaces=None if ask.replaces is None else ask.replaces.message_id,
            teaches=ask.persona,
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
            language=response.style.forced_language,
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
        if self._commands is None or not _is_kept(ask):
            return None
        return await self._commands.reply(ask.message, earlier)

    async def _noted(self, generation: Generation) -> str | None:
        """What the keyless model says in the place of a refusal, where the message asks nothing and tells of the user."""
        ask = generation.ask
        if self._notes is None or not _is_kept(ask) or not generation.refuses_without_a_model:
            return None
        try:
            wishes = ask.persona is not None
            return await self._notes.noted(ask.message, generation.style.forced_language, wishes=wishes)
        except AuraError as error:
            _log.warning("what a user states is not told to be noted: %s", error)
            return None

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

    async def styled(self, ask: Ask) -> Ask:
        """`ask` with the persona as it is now. Cost: one transaction, where it heeds one."""
        return msgspec.structs.replace(ask, style=await self._style(ask))

    async def _style(self, ask: Ask) -> Style:
        if ask.style is not None:
            return ask.style
        return NEUTRAL if ask.persona is None else await self._persona.style(ask.persona)

    async def _prompt(self, response: Generation, earlier: Sequence[Spoken]) -> Prompt:
        ask = response.ask
        wanted, history = self._wanted(ask, earlier)
        response.question = wanted.question
        style, gathered = await self._styled_material(ask, response.ahead, wanted)
        response.note_style(style)
        prompt = self._gatherer.prompt(wanted, gathered, history, style)
        if ask.search_knowledge:
            response.note_retrieval(prompt.context)
        return prompt

    async def _styled_material(self, ask: Ask, ahead: Ahead | None, wanted: Wanted) -> tuple[Style, Gathered]:
        """How to say it, and what of. Memory brings the persona along: a transaction less on the way of an answer."""
        if not self._gatherer.recalls(wanted):
            return await together(self._style(ask), self._gathered(ahead, wanted))
        gathered = await self._gathered(ahead, wanted)
        style = gathered.background.style
        return await self._style(ask) if style is None else style, gathered

    async def _gathered(self, ahead: Ahead | None, wanted: Wanted) -> Gathered:
        """What was gathered ahead, if that was for this question; else what is gathered now."""
        found = None if ahead is None else await ahead.gathered(wanted.question)
        return await self._gatherer.gather(wanted) if found is None else found

    def _wanted(self, ask: Ask, earlier: Sequence[Spoken]) -> tuple[Wanted, list[ChatMessage]]:
        """What is to be gathered for `ask`, and what was said before it."""
        history = _latest(ask.history) if ask.conversation_id is None and ask.use_memory else []
        history += [ChatMessage(role=MessageRole(turn.role), content=turn.text) for turn in earlier if turn.text]
        wanted = Wanted(
            question=standalone(history, ask.message),
            message=ask.message,
            knowledge=ask.search_knowledge,
            memory=ask.use_memory,
            quoting=self.model == EXTRACTIVE,
            collection_id=ask.collection_id,
            conversation_id=ask.conversation_id,
            earlier=earlier,
            persona=ask.persona if ask.style is None else None,
            gone=() if ask.replaces is None else ask.replaces.gone,
        )
        return wanted, history


def _is_kept(ask: Ask) -> bool:
    """Whether the turn becomes one of a conversation, and memory may have to do with it."""
    return ask.conversation_id is not None and not ask.temporary and ask.use_memory


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
