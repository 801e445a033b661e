"""An answer that is being written, read into the pieces that are to be spoken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from aura.answering.events import Answer, AnswerEvent, Citation, Cited, Delta, Final, Refusal, Sources
from aura.answering.terms import language_of
from aura.clock import Timer
from aura.errors import Unavailable
from aura.index.passage import Passage
from aura.voice.answers import SpokenAnswer
from aura.voice.speakable.cardinals import Language
from aura.voice.speakable.speakable import LONGEST_WAIT_SECONDS, Speakable
from aura.voice.speakable.words import Spoken
from aura.voice.waiting import first_of, pumped

SILENT_SECONDS = 60.0
"""An answer of which nothing comes for so long is given up."""
_LANGUAGES: dict[str, Language] = {"english": "en", "german": "de", "en": "en", "de": "de"}


def spoken_language(language: str | None, text: str) -> Language | None:
    """What numbers are read in: `language`, a code, where it is known; else that of `text`."""
    if language is None:
        return _LANGUAGES.get(language_of([text]), "en")
    return _LANGUAGES.get(language[:2].lower())


class Reading:
    """The pieces of one answer, in order, with the moments that are measured.

    `text` is all that was written so far; `answer` the whole answer, once it is there; `passages` what it draws on.
    """

    def __init__(self, answer: SpokenAnswer, language: Language | None, timer: Timer) -> None:
        self.text = ""
        self.answer: Answer | None = None
        self.passages: tuple[Passage, ...] | None = None
        self.citations: list[Citation] = []
        self.retrieved_at: float | None = None
        self.first_token_at: float | None = None
        self.told: Callable[[], None] | None = None
        """Called when it is known what the answer draws on."""
        self._answer = answer
        self._language: Language | None = language
        self._timer = timer

    async def pieces(self) -> AsyncGenerator[Spoken]:
        """What is to be spoken, as soon as it sounds whole. Closing it closes the model's call.

        Raises:
            AuraError: the answer failed, or was silent for too long.
        """
        speakable = Speakable(self._language)
        async with pumped(self._answer.events()) as following:
            while True:
                coming = asyncio.ensure_future(following())
                try:
                    if speakable.waiting and not await first_of(self._timer, LONGEST_WAIT_SECONDS, coming):
                        for piece in speakable.flush():
                            yield piece
                    if not await first_of(self._timer, SILENT_SECONDS, coming):
                        raise Unavailable("the answer does not come; ask again", retry_after_seconds=5.0)
                    event = coming.result()
                finally:
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)
                if event is None:
                    return
                for piece in self._take(event, speakable):
                    yield piece

    def _take(self, event: AnswerEvent, speakable: Speakable) -> list[Spoken]:
        match event:
            case Sources():
                self.retrieved_at, self.passages = self._timer.seconds(), event.passages
                if self.told is not None:
                    self.told()
            case Delta():
                self.first_token_at = self.first_token_at or self._timer.seconds()
                self.text += event.text
                return speakable.feed(event.text)
            case Cited():
                self.citations.append(event.citation)
            case Final():
                self.answer = event.answer
                self.text = event.answer.text
                return speakable.finish()
            case Refusal():
                self.answer = event.answer
                return self._refused(event.answer.text)
            case _:
                pass
        return []

    def _refused(self, text: str) -> list[Spoken]:
        """A refusal takes the place of what was written before."""
        self.text = text
        refusal = Speakable(self._language)
        return refusal.feed(text) + refusal.finish()
