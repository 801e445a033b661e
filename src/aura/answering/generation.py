"""One answer in the making, and what its events say of it."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol
from uuid import UUID

import msgspec
from llama_index.core.llms import LLM, ChatResponse

from aura.answering.ahead import Ahead
from aura.answering.ask import EXTRACTIVE, OWN, Ask
from aura.answering.context import Context
from aura.answering.events import Answer, AnswerEvent, Citation, Cited, Delta, Failed, Sources, Timings
from aura.answering.prompts import IN_STYLE, refusal
from aura.answering.stream import Checked, Piece
from aura.errors import AuraError
from aura.index.passage import Passage
from aura.persona.rendering import NEUTRAL, Style
from aura.router.smart_router import SmartRouter
from aura.router.trace import Trace
from aura.usage.metering import Call

_log = logging.getLogger(__name__)


class Maker(Protocol):
    """What makes the events of an answer and stores its turn: the engine."""

    def events(self, generation: Generation) -> AsyncGenerator[AnswerEvent]: ...
    async def store(self, ask: Ask, answer: Answer, message_id: UUID | None, call: Call) -> UUID | None: ...


class Generation:
    """One answer in the making: its numbering, its clock, its passages, its text."""

    def __init__(
        self,
        engine: Maker,
        ask: Ask,
        call: Call,
        *,
        response_id: UUID,
        message_id: UUID | None,
        model: str,
        ahead: Ahead | None = None,
    ) -> None:
        self.ask = ask
        self.ahead = ahead
        self.call = call
        self.id = response_id
        self.question = ask.message
        self.before: Sequence[str] = ()
        """What its asker said before in the conversation."""
        self.passages: tuple[Passage, ...] = ()
        self.end: Checked | None = None
        self.finished = False
        """Whether the model is done, and stopping can change nothing any more."""
        self._engine = engine
        self._message_id = message_id
        self._model = model
        self._cost_usd = 0.0 if model == EXTRACTIVE else None
        self._text = ""
        self.style = NEUTRAL
        self._in_style = False
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

    def note_style(self, style: Style) -> None:
        """How it is to be said, once that is known."""
        self.style, self._in_style = style, not style.says_nothing

    @property
    def refuses_without_a_model(self) -> bool:
        """Whether it ends with a refusal of the keyless model, or of one that was not asked as nothing was found."""
        refused = self._is_without_support if self.end is None else self.end.refused
        return refused and self._model == EXTRACTIVE

    def noted(self, text: str) -> Delta | Cited:
        """Say what was noted of a message that asks nothing, in the place of a refusal."""
        self.passages, self._in_style = (), False
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
        plain = refusal(self.ask.message, before=self.before)
        no = refusal(self.ask.message, self.style.forced_language, before=self.before)
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
            persona_applied=no != plain if refused else self._in_style and bool(text),
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
