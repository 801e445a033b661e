"""From what is understood of a turn to its end: early searches and guesses, the silence that ends it, its question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aura.errors import AuraError, InvalidRequest
from aura.voice.ear import Ear
from aura.voice.events import Committed, NotTranscribed, Partly, SpeechStopped, Transcribed
from aura.voice.listening import Turn
from aura.voice.ports import Transcript
from aura.voice.replying import Replying
from aura.voice.surroundings import Surroundings
from aura.voice.turns import LONGEST_PAUSE_SECONDS, asks_to_stop, likely_ended

STEADY_SECONDS: Final = 0.2
"""What is understood is taken to stand still when it has not changed for so long; the documents are searched for it then."""


class Endpointing:
    """Ends turns, and has answered what was said in them.

    Args:
        ended: told of a turn that is over.
    """

    def __init__(
        self,
        replying: Replying,
        ear: Ear,
        here: Surroundings,
        *,
        ended: Callable[[Turn], None],
    ) -> None:
        self._here = here
        self._replying = replying
        self._ear = ear
        self._ended = ended
        self._unanswered: dict[int, str] = {}
        self._ending: list[asyncio.Task[None]] = []

    # -- what moves a turn ---------------------------------------------------------------------------------------------

    def understood(self, turn: Turn, text: str) -> None:
        """`text` is understood of what is being said in it."""
        self._here.outbox.post(Partly(turn=turn.number, text=text))
        if turn.steady is not None:
            turn.steady.cancel()
        if self._here.options.answers and self._here.options.prefetches:
            turn.steady = self._here.spawn(self._when_steady(turn))

    def pause(self, turn: Turn) -> None:
        """The user pauses: it may be the end."""
        turn.silent_at = self._here.timer.seconds() - self._ear.silence_seconds
        turn.waiting = self._here.spawn(self._await_end(turn))

    def end(self, turn: Turn) -> None:
        """It ends here, whatever was said."""
        if turn.waiting is not None:
            turn.waiting.cancel()
        turn.silent_at = self._here.timer.seconds()
        turn.waiting = self._here.spawn(self._end(turn))
        self._ending = [task for task in self._ending if not task.done()] + [turn.waiting]

    def typed(self, turn: Turn, text: str, *, answer: bool) -> None:
        """It is typed."""
        turn.silent_at = self._here.timer.seconds()
        self._here.outbox.post(Committed(turn=turn.number, text=text))
        self._unanswered[turn.number] = text
        if answer:
            turn.waiting = self._here.spawn(self._replying.answer(turn, self._question()))

    def respond(self, turn: Turn) -> None:
        """Answer in it what was said and not answered, once all of that is understood."""
        turn.silent_at = self._here.timer.seconds()
        turn.waiting = self._here.spawn(self._respond(turn))

    def forget(self, turn: int) -> None:
        """What was said in a turn is not to be answered any more."""
        self._unanswered.pop(turn, None)

    # ------------------------------------------------------------------------------------------------------------------

    async def _when_steady(self, turn: Turn) -> None:
        await self._here.timer.sleep(STEADY_SECONDS)
        await self._replying.prefetch(turn, turn.question(turn.understood))

    async def _await_end(self, turn: Turn) -> None:
        """Wait for as long a silence as ends what was said; who speaks on cancels it."""
        try:
            transcript = await turn.transcript()
        except AuraError:
            await self._end(turn)
            return
        turn.transcribed_at = self._here.timer.seconds()
        pause = await self._here.options.turns.pause_seconds(transcript.text, language=transcript.language)
        question = turn.question(transcript.text)
        if self._here.options.answers and likely_ended(transcript.text):
            await self._replying.guessing.speculate(turn, question)
        if self._here.options.answers and question and turn.speculative is None:
            self._here.spawn(self._replying.prefetch(turn, question))
        left = turn.silent_at + min(pause, LONGEST_PAUSE_SECONDS) - self._here.timer.seconds()
        if left > 0:
            await self._here.timer.sleep(left)
        await self._end(turn)

    async def _end(self, turn: Turn) -> None:
        turn.is_over = True
        self._ended(turn)
        self._here.outbox.post(SpeechStopped(turn=turn.number, audio_ms=round(self._ear.seconds * 1000)))
        self._here.outbox.post(Committed(turn=turn.number))
        try:
            transcript = await turn.transcript()
        except AuraError as error:
            self._here.outbox.post(NotTranscribed(turn=turn.number, kind=type(error).__name__, message=str(error)))
            await self._replying.guessing.forget(turn)
            return
        turn.transcribed_at = turn.transcribed_at or self._here.timer.seconds()
        self._here.outbox.post(_said(turn, transcript))
        if transcript.text:
            self._unanswered[turn.number] = turn.question(transcript.text)
        if asks_to_stop(transcript.text):
            self._unanswered.clear()
        if not self._here.options.answers or not transcript.text or not self._unanswered:
            await self._replying.guessing.forget(turn)
            return
        await self._replying.answer(turn, self._question())

    async def _respond(self, turn: Turn) -> None:
        while pending := [each for each in self._ending if not each.done()]:
            await asyncio.wait(pending)
        question = self._question()
        if not question:
            raise InvalidRequest("nothing was said that is not answered yet", field="response")
        await self._replying.answer(turn, question)

    def _question(self) -> str:
        """What is to be answered, which is then taken as answered."""
        said = " ".join(self._unanswered.values())
        self._unanswered.clear()
        return said


def _said(turn: Turn, transcript: Transcript) -> Transcribed:
    return Transcribed(
        turn=turn.number,
        text=transcript.text,
        language=transcript.language,
        confidence=transcript.confidence,
        seconds=transcript.audio_seconds,
    )
