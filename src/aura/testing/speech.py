"""Speech services that do what a test wants, when it wants: their delays are those of a `Timer`, and no audio is understood.

timer = FixedTimer()
ears = ScriptedTranscriber(["how long is the warranty"], timer=timer, delay_seconds=0.1)
mouth = ScriptedSynthesizer(timer=timer, first_seconds=0.3)
transcript = await timer.finish(ears.transcribe(tone(1.2)))
"""

from __future__ import annotations

import array
import math
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from aura.clock import SystemTimer, Timer
from aura.voice.audio.files import wav
from aura.voice.parts import VoiceServices
from aura.voice.ports import (
    BYTES_PER_SAMPLE,
    NO_HINTS,
    PLAIN,
    Audio,
    Capabilities,
    Hints,
    Manner,
    Span,
    Speech,
    Transcript,
    VoiceInfo,
)

_LOUD: Final = 500
"""Samples above it are somebody who speaks."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What one call hears.

    Attributes:
        partials: `(seconds, text)`: what is heard when so much audio has come, of a stream.
        delay_seconds: from the end of the audio to the final; None is the transcriber's own.
        error: raised in the place of the final.
    """

    text: str = ""
    partials: Sequence[tuple[float, str]] = ()
    delay_seconds: float | None = None
    language: str | None = None
    confidence: float | None = None
    error: Exception | None = None


Script = Sequence[Heard | str | Exception] | Callable[[Audio], str]


class ScriptedTranscriber:
    """A `Transcriber` whose calls hear what the script says, in order; one call too many fails the test.

    A script may be a function of the audio as well. `heard` has the audio of every call that came to its end, `hints` those
    of every call; `closed` counts streams that were closed before theirs.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        timer: Timer | None = None,
        delay_seconds: float = 0.0,
        provider: str = "scripted",
        model: str = "ears",
        capabilities: Capabilities = Capabilities(partials=True),  # noqa: B008  # frozen
    ) -> None:
        self.provider = provider
        self.model = model
        self.capabilities = capabilities
        self.heard: list[Audio] = []
        self.hints: list[Hints] = []
        self.closed = 0
        self._timer = timer or SystemTimer()
        self._delay_seconds = delay_seconds
        self._hear = script if callable(script) else None
        self._replies = [] if callable(script) else [_reply(each) for each in script]

    async def transcribe(self, audio: Audio, hints: Hints = NO_HINTS) -> Transcript:
        """As its port."""
        return await self._final(self._begun(hints), audio)

    async def stream(self, pieces: AsyncIterable[Audio], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """As its port."""
        reply, pcm, rate, told = self._begun(hints), bytearray(), 16_000, 0
        try:
            async for piece in pieces:
                pcm += piece.pcm
                rate = piece.sample_rate_hz
                seconds = len(pcm) / BYTES_PER_SAMPLE / rate
                while told < len(reply.partials) and reply.partials[told][0] <= seconds:
                    text, told = reply.partials[told][1], told + 1
                    yield self._transcript(text, seconds, final=False)
            final = await self._final(reply, Audio(pcm=bytes(pcm), sample_rate_hz=rate))
        except BaseException:
            self.closed += 1
            raise
        yield final

    def _begun(self, hints: Hints) -> Heard:
        self.hints.append(hints)
        if self._hear is not None:
            return Heard()
        assert self._replies, f"call {len(self.hints)} of a transcriber that was given fewer replies"
        return self._replies.pop(0)

    async def _final(self, reply: Heard, audio: Audio) -> Transcript:
        await self._timer.sleep(self._delay_seconds if reply.delay_seconds is None else reply.delay_seconds)
        if reply.error is not None:
            raise reply.error
        self.heard.append(audio)
        text = reply.text if self._hear is None else self._hear(audio)
        transcript = self._transcript(text, audio.seconds, final=True)
        return msgspec.structs.replace(transcript, language=reply.language, confidence=reply.confidence)

    def _transcript(self, text: str, seconds: float, *, final: bool) -> Transcript:
        return Transcript(text=text, final=final, audio_seconds=seconds, provider=self.provider, model=self.model)


class ScriptedSynthesizer:
    """A `Synthesizer` that speaks each character for the same time, and tells when.

    Every sample is the number of the character that it belongs to (`said_in` reads it back), so a test sees what was played,
    to the character. `spoken` has the text of every call as far as it came, `manners` how each was asked for; `finished`
    counts calls that ended, `closed` those that were closed before, `active` those under way.

    Args:
        first_seconds: from the text of a sentence to its first samples.
        character_seconds: how long a character is heard.
        piece_seconds: how long a piece is, and it is there at once.
        times: whether it tells when characters are heard.
        error: raised when `fails_after` pieces of a call have come.
    """

    def __init__(
        self,
        *,
        timer: Timer | None = None,
        first_seconds: float = 0.0,
        character_seconds: float = 0.06,
        piece_seconds: float = 0.24,
        sample_rate_hz: int = 24_000,
        times: bool = True,
        error: Exception | None = None,
        fails_after: int = 0,
        provider: str = "scripted",
        model: str = "mouth",
        local: bool = False,
    ) -> None:
        self.provider = provider
        self.model = model
        self.capabilities = Capabilities(times="characters" if times else None, joins_texts=True, local=local)
        self.spoken: list[str] = []
        self.manners: list[Manner] = []
        self.finished = self.closed = self.active = 0
        self.error = error
        self._timer = timer or SystemTimer()
        self._first_seconds = first_seconds
        self._rate = sample_rate_hz
        self._of_character = round(character_seconds * sample_rate_hz)
        self._in_piece = max(1, round(piece_seconds / character_seconds))
        self._fails_after = fails_after

    def speak(self, text: str, manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port."""
        return self.speak_stream(_one(text), manner)

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port."""
        call, offset, pieces, ended = len(self.spoken), 0, 0, False
        self.spoken.append("")
        self.manners.append(manner)
        self.active += 1
        try:
            async for text in texts:
                await self._timer.sleep(self._first_seconds)
                for start in range(0, len(text), self._in_piece):
                    if self.error is not None and pieces == self._fails_after:
                        raise self.error
                    part = text[start : start + self._in_piece]
                    self.spoken[call] += part
                    pieces += 1
                    yield self._piece(part, offset + start)
                offset += len(text)
            if self.error is not None and pieces == self._fails_after:
                raise self.error
            ended = True
        finally:
            self.active -= 1
            self.finished += ended
            self.closed += not ended
            if isinstance(texts, AsyncGenerator):
                await texts.aclose()

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """One voice."""
        return (VoiceInfo(voice_id="scripted", name="Scripted", language="en", provider=self.provider),)

    def _piece(self, text: str, offset: int) -> Speech:
        samples = array.array("h")
        for character in text:
            samples.extend(array.array("h", (ord(character) % 0x7FFF,)) * self._of_character)
        if sys.byteorder == "big":
            samples.byteswap()
        spans = tuple(self._span(offset + n) for n in range(len(text))) if self.capabilities.times else ()
        return Speech(pcm=samples.tobytes(), sample_rate_hz=self._rate, spans=spans)

    def _span(self, at: int) -> Span:
        seconds = self._of_character / self._rate
        return Span(start=at, end=at + 1, start_seconds=at * seconds, end_seconds=(at + 1) * seconds)


def scripted_voice(hears: str) -> VoiceServices:
    """Services for a platform that hears `hears` whatever is said, and speaks in numbers. Nothing is charged."""
    local = Capabilities(local=True, partials=True)
    return VoiceServices(
        transcribers=(ScriptedTranscriber(lambda _: hears, capabilities=local),),
        synthesizers=(ScriptedSynthesizer(local=True),),
        activity=LoudnessActivity(),
    )


class LoudnessActivity:
    """A `VoiceActivity` to which everything loud is speech: windows of 512 samples at 16 kHz."""

    provider = "loudness"
    sample_rate_hz = 16_000
    window_samples = 512

    def detector(self) -> LoudnessDetector:
        """As its port."""
        return LoudnessDetector(self.window_samples)


class LoudnessDetector:
    """An `ActivityDetector` of `LoudnessActivity`."""

    def __init__(self, window_samples: int) -> None:
        self._window = window_samples * BYTES_PER_SAMPLE
        self._rest = b""

    def feed(self, pcm: bytes) -> tuple[float, ...]:
        """1.0 for each window with a loud sample in it, and 0.0 for the others."""
        held = self._rest + pcm
        whole = len(held) // self._window * self._window
        self._rest = held[whole:]
        return tuple(_loudness(held[at : at + self._window]) for at in range(0, whole, self._window))

    def reset(self) -> None:
        """Forget what was heard."""
        self._rest = b""


class FixedPause:
    """A `TurnDetector` to which every turn ends after the same silence."""

    def __init__(self, seconds: float = 0.5) -> None:
        self._seconds = seconds

    async def pause_seconds(self, said: str, *, language: str | None = None) -> float:
        """The silence it was given."""
        return self._seconds


def said_in(pcm: bytes, *, character_seconds: float = 0.06, sample_rate_hz: int = 24_000) -> str:
    """The characters whose samples `pcm` has, of a `ScriptedSynthesizer`; one that is cut off counts from its half on."""
    samples = _samples(pcm)
    of_character = round(character_seconds * sample_rate_hz)
    return "".join(chr(samples[at]) for at in range(of_character // 2, len(samples), of_character))


def tone(seconds: float, *, sample_rate_hz: int = 16_000, hz: float = 220.0, level: int = 8_000) -> Audio:
    """A tone: loud, and said by nobody."""
    step = 2 * math.pi * hz / sample_rate_hz
    samples = array.array("h", (round(level * math.sin(step * n)) for n in range(round(seconds * sample_rate_hz))))
    if sys.byteorder == "big":
        samples.byteswap()
    return Audio(pcm=samples.tobytes(), sample_rate_hz=sample_rate_hz)


def silence(seconds: float, *, sample_rate_hz: int = 16_000) -> Audio:
    """Nothing, for so long."""
    return Audio(pcm=bytes(BYTES_PER_SAMPLE * round(seconds * sample_rate_hz)), sample_rate_hz=sample_rate_hz)


def recording(audio: Audio) -> bytes:
    """`audio` as a WAV file."""
    return wav([Speech(pcm=audio.pcm, sample_rate_hz=audio.sample_rate_hz)])


async def texts_of(*texts: str, timer: Timer | None = None, every_seconds: float = 0.0) -> AsyncGenerator[str]:
    """`texts` one by one, with so much time before each."""
    waiting = timer or SystemTimer()
    for text in texts:
        if every_seconds:
            await waiting.sleep(every_seconds)
        yield text


async def collected(speech: AsyncGenerator[Speech]) -> list[Speech]:
    """All of its pieces; it is closed."""
    async with aclosing(speech):
        return [piece async for piece in speech]


async def _one(text: str) -> AsyncGenerator[str]:
    yield text


def _reply(given: Heard | str | Exception) -> Heard:
    if isinstance(given, Heard):
        return given
    return Heard(error=given) if isinstance(given, Exception) else Heard(text=given)


def _samples(pcm: bytes) -> array.array[int]:
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _loudness(window: bytes) -> float:
    return float(max(map(abs, _samples(window)), default=0) > _LOUD)
