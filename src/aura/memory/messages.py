"""What conversations are made of, as they are shown: messages, the conversations themselves, and hits of a search."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy.engine import Row

from aura.answering.events import Citation
from aura.identity import ConversationId


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn's half: what the user asked, or what was answered."""

    id: UUID
    conversation_id: ConversationId
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    citations: tuple[Citation, ...] = ()
    model: str | None = None
    refused: bool = False
    stopped: bool = False
    language: str | None = None
    """Of the text; None until the job has looked at it."""
    tokens: int | None = None
    heard_characters: int | None = None
    """How much of a spoken answer was heard before its listener interrupted it; `text` is no more than that."""
    full: str | None = None
    """All of a spoken answer of which less was heard."""
    audio_ms: int | None = None
    """How much of its speech was played; None where nobody spoke it."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as a list shows it."""

    id: ConversationId
    title: str
    created_at: datetime
    updated_at: datetime
    pinned: bool = False


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A message that holds what was searched for; `start` is where in its text."""

    message: Message
    title: str
    start: int


def message_of(row: Row[tuple[object, ...]]) -> Message:
    """The message of a row of `messages`: of a spoken answer, what was heard of it."""
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        role=row.role,
        text=row.text if row.heard_characters is None else row.text[: row.heard_characters],
        created_at=row.created_at,
        citations=msgspec.convert(row.citations, tuple[Citation, ...]),
        model=row.model,
        refused=row.refused,
        stopped=row.stopped,
        language=row.language,
        tokens=row.tokens,
        heard_characters=row.heard_characters,
        full=None if row.heard_characters is None else row.text,
        audio_ms=row.audio_ms,
    )


def conversation_of(row: Row[tuple[object, ...]]) -> Conversation:
    """The conversation of a row of `conversations`."""
    return msgspec.convert({name: getattr(row, name) for name in Conversation.__struct_fields__}, Conversation)
