"""What is remembered, as it goes over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from aura.memory.messages import Conversation, Hit
from aura.memory.values import Fact, Source, Summary, Why
from aura_server.wire.chat import MessageResponse


class FactResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the user said of themselves. `status`: `live`, or `superseded` by what was said later.

    `learned_at` is when it was first said and `evidence` how often; it is true from `valid_from` to `valid_to`, and tells of
    the days `event_from` to `event_to`. `source` is what found it.
    """

    id: UUID
    text: str
    learned_at: datetime
    source: str
    status: str
    category: str
    kind: str
    slot: str
    negated: bool
    language: str
    confidence: float
    evidence: int
    pinned: bool
    edited: bool
    event_from: date | None
    event_to: date | None
    valid_from: datetime
    valid_to: datetime | None
    superseded_by: UUID | None

    @classmethod
    def of(cls, fact: Fact) -> FactResponse:
        """`fact` on the wire."""
        own = {"source", "negated"}
        same = {name: getattr(fact, name) for name in cls.__struct_fields__ if name not in own}
        same |= {"category": fact.category.value, "kind": fact.kind.value, "status": fact.status.value}
        source = "edited by the user" if fact.edited else fact.extractor
        return cls(**same, source=source, negated=fact.polarity < 0)


class FactRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a fact. A field that is left out stays as it is."""

    text: str | None = None
    pinned: bool | None = None


class SourceResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A message that says a fact: `quote` is its `text` from `start` to `end`."""

    message_id: UUID
    session_id: UUID
    said_at: datetime
    text: str
    start: int
    end: int
    quote: str

    @classmethod
    def of(cls, source: Source) -> SourceResponse:
        """`source` on the wire."""
        return cls(
            message_id=source.message_id,
            session_id=source.conversation_id,
            said_at=source.said_at,
            text=source.text,
            start=source.start,
            end=source.end,
            quote=source.quote,
        )


class WhyResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, and where it was said."""

    fact: FactResponse
    sources: tuple[SourceResponse, ...]

    @classmethod
    def of(cls, why: Why) -> WhyResponse:
        """`why` on the wire."""
        return cls(fact=FactResponse.of(why.fact), sources=tuple(map(SourceResponse.of, why.sources)))


class SessionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What one conversation was about. `carried` are sentences with names, numbers, dates or ids, word for word."""

    session_id: UUID
    text: str
    carried: tuple[str, ...]
    updated_at: datetime

    @classmethod
    def of(cls, summary: Summary) -> SessionSummary:
        """`summary` on the wire."""
        return cls(
            session_id=summary.conversation_id,
            text=summary.text,
            carried=tuple(each.text for each in summary.carried),
            updated_at=summary.updated_at,
        )


class SummaryResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the latest conversations were about: as one text, and each by itself."""

    summary: str
    sessions: tuple[SessionSummary, ...]

    @classmethod
    def of(cls, summary: str, sessions: Sequence[Summary]) -> SummaryResponse:
        """Both on the wire."""
        return cls(summary=summary, sessions=tuple(map(SessionSummary.of, sessions)))


class ConversationResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of the list."""

    session_id: UUID
    title: str
    pinned: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationResponse:
        """`conversation` on the wire."""
        return cls(
            session_id=conversation.id,
            title=conversation.title,
            pinned=conversation.pinned,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
        )


class ConversationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a conversation. A field that is left out stays as it is."""

    title: str | None = None
    pinned: bool | None = None


class HitResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A message that holds what was searched for, in a conversation of this title; `start` is where in its text."""

    title: str
    start: int
    message: MessageResponse

    @classmethod
    def of(cls, hit: Hit) -> HitResponse:
        """`hit` on the wire."""
        return cls(title=hit.title, start=hit.start, message=MessageResponse.of(hit.message))
