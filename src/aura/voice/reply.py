"""One reply: an answer is read, spoken and sent, as far as its listener lets it come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

import msgspec

from aura.answering.events import Answer
from aura.clock import Timer
from aura.errors import AuraError, BackendError, Unavailable
from aura.voice.answers import SpokenAnswer
from aura.voice.events import ReplyAudio, ReplyEnded, TalkEvent
from aura.voice.outbox import Outbox
from aura.voice.playback import Heard, Playback
from aura.voice.ports import Manner, Speech, Synthesizer
from aura.voice.reading import Reading
from aura.voice.telling import Pieces, Rest, Telling
from aura.voice.waiting import pumped, within

logger = logging.getLogger(__name__)

LEAD_SECONDS: Final = 4.0
"""How far what is sent runs ahead of what is played: what is interrupted was not made in vain for longer than this."""
SILENT_SECONDS: Final = 10.0
"""A voice of which nothing comes for so long, with a text to speak, is given up."""
_MOST_FAILURES: Final = 2
_AHEAD: Final = 2
"""Pieces of speech that are made before there is room for them."""
_JOINED = " "


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks, and how; no `synthesizer` where the client does, or nobody."""

    synthesizer: Synthesizer | None
    manner: Manner


class Reply:
    """Speaks one answer. It may run before it is `released`; nothing of it leaves until then.

    Args:
        eager: make speech before it is released, too.
        rest: what alone is said of it, where it was interrupted before.
        sending: called with each piece of audio, and when it will be heard.
    """

    def __init__(
        self,
        number: int,
        turn: int,
        question: str,
        answer: SpokenAnswer,
        reading: Reading,
        *,
        voice: Voice,
        outbox: Outbox,
        timer: Timer,
        eager: bool = False,
        rest: Rest | None = None,
        sending: Callable[[ReplyAudio, float], None] | None = None,
    ) -> None:
        self.number = number
        self.turn = turn
        self.question = question
        self.answer = answer
        self.reading = reading
        self.playback = Playback()
        self.first_sentence_at: float | None = None
        self.first_audio_at: float | None = None
        self.ended = False
        """Whether all of it was sent."""
        self.task: asyncio.Task[None] | None = None
        self._voice = voice
        self._outbox = outbox
        self._timer = timer
        self._eager = eager
        self._rest = rest
        self._sending = sending
        self._released = asyncio.Event()
        self._pieces = Pieces()
        self._telling = Telling(reading, self._pieces, self.playback, post=self._post, rest=rest)
        self._spoken = False
        self._owes_since = timer.seconds()
        self._heard_until = 0.0
        self._news = asyncio.Event()
        reading.told = self._tell_sources

    # -- who may hear it -----------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Let it be heard."""
        self._released.set()
        self._tell_sources()

    def hold(self) -> None:
        """Let nothing more of it leave for now."""
        self._released.clear()

    @property
    def is_released(self) -> bool:
        """Whether it may be heard."""
        return self._released.is_set()

    @property
    def began(self) -> bool:
        """Whether there is anything of it that the listener may know."""
        return self.playback.began or (self._voice.synthesizer is None and self._telling.shown > 0)

    def is_audible(self, now: float) -> bool:
        """Whether some of it was sent, and its listener has not heard all of that yet."""
        return self.began and (not self.ended or self.playback.left_seconds(now) > 0)

    def heard(self, now: float, *, at_most: float | None = None) -> Heard:
        """What its listener knows of it, who reads it where nobody speaks."""
        text = self.reading.text
        if self._voice.synthesizer is None:
            return Heard(spoken=text[: self._telling.until], full=text, interrupted=True, audio_ms=0)
        return self.playback.heard(text, now, at_most=at_most)

    @property
    def heard_whole(self) -> Heard:
        """What its listener knows of it when all of it was played."""
        text, sent = self.reading.text, round(self.playback.sent_seconds * 1000)
        return Heard(spoken=text, full=text, interrupted=False, audio_ms=sent)

    def before(self, heard: Heard) -> int:
        """The milliseconds of the answer's speech that were played when `heard` was heard of this reply."""
        return heard.audio_ms + (0 if self._rest is None else self._rest.heard_ms)

    async def note(self, heard: Heard) -> None:
        """Keep what was heard of it, with what was heard of the answer before."""
        await self.answer.heard(msgspec.structs.replace(heard, audio_ms=self.before(heard)))

    def silent_seconds(self, now: float) -> float:
        """For how long it has owed speech, and its listener has heard none; 0 where it waits for more to say."""
        if self._spoken or not self._pieces or (self._telling.waits and not self._pieces.whole):
            return 0.0
        return max(0.0, now - max(self._owes_since, self._heard_until))

    async def news(self) -> None:
        """Wait until it begins to be heard, or ends."""
        self._news.clear()
        await self._news.wait()

    # -- running -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Speak it to its end; the last event tells how it ended."""
        reading = asyncio.create_task(self._read())
        try:
            await self._speak()
            self._spoken = True
            await reading
            await self._when_released()
            self._telling.finish()
            answer = await self._kept()
            self._end()
            self._post(ReplyEnded(number=self.number, status="completed", answer=answer, text=self.reading.text))
        except AuraError as error:
            await self._fail(error)
        except Exception:  # the edge of the task: its listener waits for an end
            logger.exception("a reply failed")
            await self._fail(BackendError("the reply failed; try again"))
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _fail(self, error: AuraError) -> None:
        await self._when_released()
        self._end()
        kind, text = type(error).__name__, self.reading.text
        self._post(ReplyEnded(number=self.number, status="failed", text=text, kind=kind, message=str(error)))

    def wake(self) -> None:
        """Whoever waits for news of it waits in vain."""
        self._news.set()

    def _end(self) -> None:
        self.ended = True
        self._news.set()

    async def _kept(self) -> Answer | None:
        """The answer, stored; of one that was interrupted, that the rest of it is heard now."""
        if self._rest is None:
            return await self.answer.keep()
        await self.note(self.heard_whole)
        return self.reading.answer

    async def _read(self) -> None:
        """Take up the pieces as they come, however far the voice is; the turn is kept once it stands and is whole."""
        try:
            if self._rest is not None:
                self._pieces.add(self._rest.pieces)
                return
            async with aclosing(self.reading.pieces()) as pieces:
                async for piece in pieces:
                    self.first_sentence_at = self.first_sentence_at or self._timer.seconds()
                    if self._telling.waits:
                        self._owes_since = self._timer.seconds()
                    self._pieces.add([piece])
        finally:
            self._pieces.end()
        if self._rest is None:
            await self._when_released()
            await self.answer.keep()

    async def _speak(self) -> None:
        synthesizer = self._voice.synthesizer
        if synthesizer is None:
            await self._say_in_text()
            return
        if not self._eager:
            await self._when_released()
        start, failures = 0, 0
        while await self._pieces.get(start) is not None:
            try:
                await self._speak_from(synthesizer, start)
                return
            except (Unavailable, BackendError, TimeoutError) as error:
                failures += 1
                if failures > _MOST_FAILURES:
                    raise Unavailable("the voice fails; try again", retry_after_seconds=5.0) from error
                start = self._telling.again()

    async def _speak_from(self, synthesizer: Synthesizer, start: int) -> None:
        joined = synthesizer.capabilities.joins_texts and synthesizer.capabilities.times is not None
        if joined:
            await self._speak_joined(synthesizer, start)
            return
        n = start
        while (piece := await self._pieces.get(n)) is not None:
            began = self.playback.sent_seconds
            async with pumped(synthesizer.speak(piece.text, self._voice.manner), most=_AHEAD) as following:
                while (speech := await self._next(following, expected=True)) is not None:
                    await self._room()
                    self._telling.show(n)
                    for span in speech.spans:
                        self.playback.mark(
                            piece, span.start, span.end, began + span.start_seconds, began + span.end_seconds
                        )
                    self._send(speech)
            n += 1

    async def _speak_joined(self, synthesizer: Synthesizer, start: int) -> None:
        """Speak all pieces as one speech. What spans tell of it is in all texts that were given, one behind the other."""
        given: list[tuple[int, int]] = []  # where a piece begins in them, and its number
        began = self.playback.sent_seconds

        async def texts() -> AsyncGenerator[str]:
            offset, n = 0, start
            while (piece := await self._pieces.get(n)) is not None:
                given.append((offset, n))
                offset, n = offset + len(piece.text) + len(_JOINED), n + 1
                yield piece.text + _JOINED

        speaking = texts()
        made = synthesizer.speak_stream(speaking, self._voice.manner)
        async with aclosing(speaking), pumped(made, most=_AHEAD) as following:
            while (speech := await self._next(following, expected=self._pieces.whole)) is not None:
                await self._room()
                for span in speech.spans:
                    offset, n = next(each for each in reversed(given) if each[0] <= span.start)
                    self._telling.show(n)
                    piece, first = self._pieces[n], span.start - offset
                    begins, ends = began + span.start_seconds, began + span.end_seconds
                    self.playback.mark(piece, first, span.end - offset, begins, ends)
                self._telling.show(max(start, self._telling.begun - 1))
                self._send(speech)

    async def _say_in_text(self) -> None:
        """Send the words alone: the client speaks them, or shows them."""
        n = 0
        while await self._pieces.get(n) is not None:
            await self._when_released()
            self._telling.show(n)
            n += 1

    async def _next(self, following: Callable[[], Awaitable[Speech | None]], *, expected: bool) -> Speech | None:
        """The next speech; None behind the last. Where there is a text to speak it has to come."""
        if not expected and self._telling.shown >= len(self._pieces):
            return await following()
        return await within(self._timer, SILENT_SECONDS, following())

    async def _room(self) -> None:
        """Wait until it may be sent, and its client has room for more."""
        await self._when_released()
        await self._outbox.room()
        ahead = self.playback.left_seconds(self._timer.seconds()) - LEAD_SECONDS
        if ahead > 0:
            await self._timer.sleep(ahead)

    async def _when_released(self) -> None:
        while not self._released.is_set():
            await self._released.wait()

    # -- what leaves ---------------------------------------------------------------------------------------------------

    def _tell_sources(self) -> None:
        if self.is_released:
            self._telling.sources()

    def _send(self, speech: Speech) -> None:
        now = self._timer.seconds()
        self.first_audio_at = self.first_audio_at or now
        audio = ReplyAudio(reply=self.number, pcm=speech.pcm, sample_rate_hz=speech.sample_rate_hz)
        if self._sending is not None:
            self._sending(audio, now + self.playback.left_seconds(now))
        self.playback.sent(speech, now)
        if speech.pcm:
            self._heard_until = now + self.playback.left_seconds(now)
        self._post(audio)
        self._news.set()

    def _post(self, event: TalkEvent) -> None:
        self._outbox.post(msgspec.structs.replace(event, reply=self.number))
