"""Notes: what a user said before, as an answer may draw on it. Data of the user, dated, and never instructions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.answering.lexicon import Language
from aura.answering.terms import language_of
from aura.identity import ConversationId, DocumentId
from aura.index.passage import Passage
from aura.persona.rendering import Style
from aura.persona.traits import Channel

MEMORY = "memory"
"""The name that sources from memory have in the place of a file's."""

_MONTHS: dict[Language, str] = {
    "english": "January February March April May June July August September October November December",
    "german": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "french": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_SAID: dict[Language, str] = {
    "english": "On {day} {month} {year} you said",
    "german": "Am {day}. {month} {year} hast du gesagt",
    "french": "Le {day} {month} {year}, vous avez dit",
}


_DAY = re.compile(r"(\d{1,2})\.? (\w+) (\d{4})")


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the user said, word for word, in the message `message_id`.

    `about` is what is known to have been told by it (`home`, `employer`); `before` and `after` are the turns around it.
    """

    message_id: UUID
    text: str
    at: datetime
    about: str = ""
    before: str = ""
    after: str = ""


class Background(msgspec.Struct, frozen=True, kw_only=True):
    """What memory gives an answer: notes that bear on the question, the best first; what the user wants always known; and
    what the conversation was about before its latest turns. `derived_until`: the last of its turns that memory has read.
    `style`: how the user wants to be answered, where that was asked for with it."""

    notes: tuple[Note, ...] = ()
    pinned: tuple[str, ...] = ()
    summary: str = ""
    derived_until: datetime | None = None
    style: Style | None = None


class Remembers(Protocol):
    """Where notes come from: one user's memory."""

    async def background(
        self,
        question: str,
        vector: NDArray[np.float32] | None,
        conversation_id: ConversationId | None,
        *,
        channel: Channel | None = None,
    ) -> Background: ...


def said_on(at: datetime, language: Language) -> str:
    """`On 7 May 2025 you said`, in a language."""
    return _SAID[language].format(day=at.day, month=_MONTHS[language].split()[at.month - 1], year=at.year)


def day_of(said: str) -> tuple[int, int, int]:
    """Year, month and day of a line of `said_on`; zeros of anything else."""
    match = _DAY.search(said)
    if match is None:
        return 0, 0, 0
    month = next((names.split().index(match[2]) + 1 for names in _MONTHS.values() if match[2] in names.split()), 0)
    return int(match[3]), month, int(match[1])


def around(note: Note, marker: int) -> str:
    """The turns before and after a note, for a model that reads them; empty where there are none."""
    turns = [f"{name} [{marker}]: {text}" for name, text in (("before", note.before), ("after", note.after)) if text]
    return "\n".join(turns)


def as_passages(notes: Sequence[Note], question: str) -> tuple[Passage, ...]:
    """Notes as passages, so that they are numbered, quoted and cited as those of documents are.

    The heading says when it was said, in the question's language; `document_id` is the id of the message.
    """
    language = language_of([question])
    return tuple(
        Passage(
            chunk_id=f"{MEMORY}:{note.message_id}",
            document_id=DocumentId(note.message_id),
            version=0,
            filename=MEMORY,
            page=None,
            start=0,
            end=len(note.text),
            heading=(said_on(note.at, language), *([note.about] if note.about else [])),
            text=note.text,
            score=0.0,
            remembered=True,
        )
        for note in notes
    )
