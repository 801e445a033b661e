"""What is known of a user, as memory shows it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from aura.identity import ConversationId
from aura.memory.slots import Category, Kind


class Status(StrEnum):
    """Whether a fact counts now. A closed one did, until a newer one took its place."""

    LIVE = "live"
    SUPERSEDED = "superseded"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the user said of themselves.

    `learned_at` is when it was first said and `asserted_at` when last; it is true from `valid_from` to `valid_to`, and tells
    of the days `event_from` to `event_to`. `value` is what it is compared by.
    """

    id: UUID
    subject: str
    slot: str
    value: str
    text: str
    language: str
    category: Category
    kind: Kind
    polarity: int
    confidence: float
    evidence: int
    status: Status
    superseded_by: UUID | None
    pinned: bool
    edited: bool
    extractor: str
    event_from: date | None
    event_to: date | None
    learned_at: datetime
    asserted_at: datetime
    valid_from: datetime
    valid_to: datetime | None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that a fact was said in: `quote` is `text[start:end]`."""

    message_id: UUID
    conversation_id: ConversationId
    said_at: datetime
    text: str
    start: int
    end: int
    quote: str


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """A fact and every turn that says it, the first one first."""

    fact: Fact
    sources: tuple[Source, ...]


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence that summaries carry on word for word, for the names, numbers, dates or ids in it."""

    text: str
    message_id: UUID
    said_at: datetime


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation was about, up to the message with the number `through_seq`."""

    conversation_id: ConversationId
    text: str
    carried: tuple[Carried, ...]
    through_seq: int
    rounds: int
    made_by: str
    updated_at: datetime

    def __str__(self) -> str:
        return "\n".join([*([self.text] if self.text else ()), *(f"- {each.text}" for each in self.carried)])


class MemorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a user lets memory do.

    `learns`: facts are learned from what the user says. `sensitive`: also of health, belief, politics and the like, where
    the organisation allows it as well. `time_zone`: where "yesterday" is a day, such as `Europe/Berlin`.
    """

    learns: bool = True
    sensitive: bool = False
    time_zone: str = "UTC"
