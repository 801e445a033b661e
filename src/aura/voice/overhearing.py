"""Sounds during a reply: the loudspeaker's echo, a cough, an "mm-hm", or somebody who interrupts."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from aura.errors import AuraError
from aura.voice.barge_in import BargeIn
from aura.voice.ear import Ear, loudness
from aura.voice.events import Ducked
from aura.voice.ports import BYTES_PER_SAMPLE, Audio
from aura.voice.replying import Replying
from aura.voice.segment import Segment
from aura.voice.surroundings import Surroundings

logger = logging.getLogger(__name__)


class Sound(msgspec.Struct):
    """What may become an interruption: from `audio_ms` on, in stretches between which there was a pause.

    `fed`: a voice was heard in it, and is being understood; `ducked`: the client was told to be silent for it.
    """

    weight: BargeIn
    audio_ms: int
    segments: list[Segment] = msgspec.field(default_factory=list[Segment])
    ducked: bool = False
    fed: bool = False


class Overhearing:
    """Weighs what is heard during a reply, which goes on unless it is an interruption.

    Args:
        open_segment: begins to understand a stretch of speech.
        interrupt: told of a sound that is an interruption; it is the beginning of a turn then.
    """

    def __init__(
        self,
        replying: Replying,
        ear: Ear,
        here: Surroundings,
        *,
        open_segment: Callable[[Callable[[str], None]], Segment],
        interrupt: Callable[[Sound], None],
    ) -> None:
        self._replying = replying
        self._ear = ear
        self._here = here
        self._open = open_segment
        self._interrupt = interrupt
        self._sound: Sound | None = None

    @property
    def applies(self) -> bool:
        """Whether what is heard now is not simply the user's turn."""
        return self._sound is not None or self._replying.is_echoing or self._replying.is_thinking

    def began(self, audio_ms: int) -> None:
        """A sound begins, or goes on after a pause."""
        if self._sound is None:
            self._sound = Sound(weight=BargeIn(self._here.timer.seconds()), audio_ms=audio_ms)
        self._sound.fed = False
        if not self._replying.is_audible:
            self._replying.hold()

    def heard(self, pcm: bytes) -> None:
        """It goes on."""
        sound = self._sound
        if sound is None:
            return
        now, seconds = self._here.timer.seconds(), len(pcm) / BYTES_PER_SAMPLE / self._ear.sample_rate_hz
        echo = self._replying.is_echoing and self._here.gate.may_be_echo(loudness(pcm), now)
        sound.weight.heard(seconds, echo=echo)
        if sound.fed:
            sound.segments[-1].feed(Audio(pcm=pcm, sample_rate_hz=self._ear.sample_rate_hz))
            sound.segments[-1].probe(self._ear.said_seconds, self._ear.said)
        elif not echo:
            sound.fed = True
            self._ear.begin_here()
            sound.segments.append(self._open(self._recognised))
            sound.segments[-1].feed(self._ear.said())
            self._duck(sound, on=self._replying.is_audible)
        reply_is_over = not (self._replying.is_audible or self._replying.is_thinking)
        if sound.weight.interrupts(self._replying.played_seconds) or (sound.fed and reply_is_over):
            self.give_way()
        elif sound.weight.is_over(now):
            self._duck(sound, on=False)

    def paused(self) -> None:
        """It pauses: what was said is found out, and decides."""
        sound = self._sound
        if sound is None:
            return
        said = self._ear.take()
        if sound.fed:
            sound.segments[-1].finish(said)
            self._here.spawn(self._judge(sound, sound.segments[-1]))
        elif not sound.segments:
            self._let_go(sound)

    def give_way(self) -> bool:
        """Whoever makes the sound has the word now; False where nobody does."""
        sound = self._sound
        if sound is None or not sound.segments:
            return False
        self._sound = None
        self._interrupt(sound)
        return True

    def drop(self) -> None:
        """Whatever it was, it is nothing any more."""
        if self._sound is not None:
            self._let_go(self._sound)

    def _recognised(self, text: str) -> None:
        """Something was understood of it."""
        sound = self._sound
        if sound is not None:
            sound.weight.recognised(text, self._replying.playing)
            if sound.weight.has_words:
                self.give_way()

    async def _judge(self, sound: Sound, segment: Segment) -> None:
        """A stretch of it is over: an interruption if it was words; and else as if nothing had been."""
        try:
            transcript = await segment.transcript()
        except AuraError as error:
            logger.info("what was said during a reply is not known: %s", error)
        else:
            if self._sound is sound:
                self._recognised(transcript.text)
        if self._sound is sound and segment is sound.segments[-1] and not self._ear.speaking:
            self._let_go(sound)

    def _let_go(self, sound: Sound) -> None:
        self._sound = None
        self._duck(sound, on=False)
        self._replying.release()
        for segment in sound.segments:
            self._here.spawn(segment.close())

    def _duck(self, sound: Sound, *, on: bool) -> None:
        if sound.ducked != on:
            sound.ducked = on
            self._here.outbox.post(Ducked(on=on))
