"""Questions, answers and the events they come in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

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
)
from aura.index.passage import Passage
from aura.memory.messages import Message
from aura.persona.traits import Axis
from aura_server.wire.documents import PassageResponse

EventName = Literal["sources", "delta", "citation", "final", "refusal", "error"]


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message. `session_id` is the conversation that it belongs to; a new one begins without it.

    `user_id` is the caller, or a member on whose behalf an admin asks. `temporary`: nothing of it is kept. `replaces` is a
    message of the conversation: its turn, with all after it, makes room for this one as soon as its answer is stored.
    """

    message: str
    user_id: UUID | None = None
    session_id: UUID | None = None
    use_memory: bool = True
    use_persona: bool = True
    search_knowledge: bool = True
    collection: str | None = None
    temporary: bool = False
    replaces: UUID | None = None


class CitationResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Proof for the marker `[n]`: `quote` is the text of that version from `start` to `end`. `page` counts from 1.

    `remembered`: it is no document's, but what the user said in the message `document_id`.
    """

    marker: int
    document_id: UUID
    version: int
    filename: str
    page: int | None
    start: int
    end: int
    quote: str
    remembered: bool

    @classmethod
    def of(cls, citation: Citation) -> CitationResponse:
        """`citation` on the wire."""
        return msgspec.convert(citation, cls, from_attributes=True)


class TimingsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds since the question arrived."""

    embedding_seconds: float
    retrieval_seconds: float
    first_token_seconds: float | None
    total_seconds: float


class ChatResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. `cost` in US dollars, null where the model's price is not known; `response_time` in seconds.

    `persona_applied`: without the caller's persona it would have been said otherwise.
    `refused`: nothing that the caller may see supports an answer. `stopped`: it was ended before its end.
    """

    response: str
    session_id: UUID | None
    message_id: UUID | None
    model_used: str
    response_time: float
    cost: float | None
    persona_applied: bool
    knowledge_used: bool
    sources: tuple[str, ...]
    citations: tuple[CitationResponse, ...]
    refused: bool
    stopped: bool
    timings: TimingsResponse

    @classmethod
    def of(cls, answer: Answer) -> ChatResponse:
        """`answer` on the wire."""
        return cls(
            response=answer.text,
            session_id=answer.conversation_id,
            message_id=answer.message_id,
            model_used=answer.model,
            response_time=answer.timings.total_seconds,
            cost=answer.cost_usd,
            persona_applied=answer.persona_applied,
            knowledge_used=any(not citation.remembered for citation in answer.citations),
            sources=tuple(dict.fromkeys(citation.filename for citation in answer.citations)),
            citations=tuple(CitationResponse.of(citation) for citation in answer.citations),
            refused=answer.refused,
            stopped=answer.stopped,
            timings=msgspec.convert(answer.timings, TimingsResponse, from_attributes=True),
        )


class StopRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which answer is to end now."""

    response_id: UUID


class FeedbackRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the asker thinks of an answer: `rating` is 1 or -1."""

    message_id: UUID
    rating: Literal[1, -1]
    reason: str = ""
    comment: str = ""


class HeardResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What its listener heard of an answer by voice: `spoken` of the `full` text; `audio_ms` of its speech were played."""

    spoken: str
    full: str
    interrupted: bool
    audio_ms: int


class MessageResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One turn's half. `heard` is null where it was not spoken; `text` is what was heard, which is all there is to know."""

    message_id: UUID
    session_id: UUID
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    citations: tuple[CitationResponse, ...]
    model_used: str | None
    refused: bool
    stopped: bool
    heard: HeardResponse | None = None

    @classmethod
    def of(cls, message: Message) -> MessageResponse:
        """`message` on the wire."""
        return cls(
            message_id=message.id,
            session_id=message.conversation_id,
            role=message.role,
            text=message.text,
            created_at=message.created_at,
            citations=tuple(CitationResponse.of(citation) for citation in message.citations),
            model_used=message.model,
            refused=message.refused,
            stopped=message.stopped,
            heard=_heard(message),
        )


def _heard(message: Message) -> HeardResponse | None:
    if message.audio_ms is None and message.full is None:
        return None
    return HeardResponse(
        spoken=message.text,
        full=message.text if message.full is None else message.full,
        interrupted=message.full is not None,
        audio_ms=message.audio_ms or 0,
    )


class ContextResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer knows of the asker: what was talked of, facts, the persona by axis, the latest messages."""

    summary: str
    facts: tuple[str, ...]
    persona: dict[Axis, float | str]
    recent: tuple[MessageResponse, ...]


class SourcesData(msgspec.Struct, frozen=True, kw_only=True):
    """The passages that the answer may draw on."""

    passages: tuple[PassageResponse, ...]


class DeltaData(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of the text."""

    text: str


class ErrorData(msgspec.Struct, frozen=True, kw_only=True):
    """Why the answer could not be finished."""

    kind: str
    message: str
    retry_after_seconds: float | None


EventData = SourcesData | DeltaData | CitationResponse | ChatResponse | ErrorData


def event_on_the_wire(event: AnswerEvent) -> tuple[EventName, EventData]:
    """The name and the data of an event, as every surface sends them."""
    match event:
        case Sources():
            return "sources", SourcesData(passages=_passages(event.passages))
        case Delta():
            return "delta", DeltaData(text=event.text)
        case Cited():
            return "citation", CitationResponse.of(event.citation)
        case Final():
            return "final", ChatResponse.of(event.answer)
        case Refusal():
            return "refusal", ChatResponse.of(event.answer)
        case Failed():
            said = ErrorData(kind=event.kind, message=event.message, retry_after_seconds=event.retry_after_seconds)
            return "error", said
        case _:
            raise TypeError(f"no event is called {type(event).__name__}")


def socket_message(event: AnswerEvent) -> Mapping[str, object]:
    """An event as one message of a WebSocket."""
    name, data = event_on_the_wire(event)
    fields = msgspec.to_builtins(data)
    return {"type": name, "response_id": str(event.response_id), "seq": event.seq, **fields}


def _passages(passages: tuple[Passage, ...]) -> tuple[PassageResponse, ...]:
    return tuple(PassageResponse.of(passage) for passage in passages)
