"""An answer that was interrupted, and what is left to be said of it."""

from __future__ import annotations

from typing import Self

import msgspec

from aura.clock import Timer
from aura.voice.answers import CutOff, SpokenAnswer
from aura.voice.playback import Heard
from aura.voice.reading import Reading
from aura.voice.reply import Reply
from aura.voice.speakable.cardinals import Language
from aura.voice.speakable.speakable import Speakable
from aura.voice.telling import Rest


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that was interrupted: `heard` of it, after `heard_ms` of the answer's speech in all."""

    answer: SpokenAnswer
    reading: Reading
    question: str
    heard: Heard
    heard_ms: int

    @classmethod
    def of(cls, reply: Reply, heard: Heard) -> Self:
        """`reply`, of which so much was heard."""
        return cls(
            answer=reply.answer,
            reading=reply.reading,
            question=reply.question,
            heard=heard,
            heard_ms=reply.before(heard),
        )

    @classmethod
    def before(cls, found: CutOff, language: Language | None, timer: Timer) -> Self:
        """What a connection that was lost has cut off."""
        whole, heard = found.whole, found.heard
        reading = Reading(found.answer, language, timer)
        reading.text, reading.answer, reading.citations = heard.full, whole, list(whole.citations)
        return cls(answer=found.answer, reading=reading, question=whole.question, heard=heard, heard_ms=heard.audio_ms)

    def rest(self, language: Language | None) -> Rest | None:
        """What is left to be said of the answer; None where all of it was heard."""
        speakable = Speakable(language, start=self.heard.characters)
        pieces = tuple(speakable.feed(self.reading.text) + speakable.finish())
        return Rest(pieces=pieces, start=self.heard.characters, heard_ms=self.heard_ms) if pieces else None
