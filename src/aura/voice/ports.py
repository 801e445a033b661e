"""What hears, speaks and listens for voices, as ports, and the values that go through them.

Inside AURA audio is mono PCM of 16 bits, little endian, at any sample rate; `aura.voice.audio` makes it of everything else.
An adapter raises `SpeechFault` where its vendor fails; the chains (`aura.voice.chains`), which are ports themselves,
translate the last one for the caller.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from enum import StrEnum
from typing import Final, Literal, Protocol

import msgspec

BYTES_PER_SAMPLE: Final = 2


class Encoding(StrEnum):
    """How a sample is written on a socket."""

    PCM16 = "pcm16"
    MULAW = "mulaw"
    ALAW = "alaw"


class AudioFormat(msgspec.Struct, frozen=True, kw_only=True):
    """How mono audio is written on a socket."""

    encoding: Encoding = Encoding.PCM16
    sample_rate_hz: int = 24_000

    @property
    def bytes_per_second(self) -> int:
        """What a second takes."""
        return self.sample_rate_hz * (BYTES_PER_SAMPLE if self.encoding is Encoding.PCM16 else 1)


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of mono audio: PCM of 16 bits, little endian. `pcm` has whole samples."""

    pcm: bytes
    sample_rate_hz: int

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return len(self.pcm) // BYTES_PER_SAMPLE

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.sample_rate_hz


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word that was heard, and when, in seconds of the audio."""

    text: str
    start_seconds: float
    end_seconds: float
    confidence: float | None = None


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard.

    Attributes:
        text: all of it so far, not what is new; "" where nobody has spoken.
        final: nothing is changed any more. A stream ends with exactly one such, a batch is one.
        language: as a code, such as `en`; None where nobody has told.
        confidence: from 0 to 1; None where the provider tells none.
        audio_seconds: of the audio that it is of.
        words: with their times, where the provider tells them.
    """

    text: str
    final: bool = True
    language: str | None = None
    confidence: float | None = None
    audio_seconds: float = 0.0
    words: tuple[Word, ...] = ()
    provider: str = ""
    model: str = ""


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    """What helps to hear right: the language that is spoken, and the names that the organisation uses."""

    language: str | None = None
    vocabulary: tuple[str, ...] = ()


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """When the characters `[start, end)` of the text are heard, in seconds since the first sample of the whole speech."""

    start: int
    end: int
    start_seconds: float
    end_seconds: float


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of what is spoken: samples, and the times of characters or words that the vendor has told with it.

    Offsets of `spans` are in the text that was given to `speak`, or in all texts of `speak_stream` one behind the other;
    they rise from piece to piece. A vendor may tell them before or behind the samples that they are of. Without any, who
    needs them estimates.
    """

    pcm: bytes
    sample_rate_hz: int
    spans: tuple[Span, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return len(self.pcm) // BYTES_PER_SAMPLE

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.sample_rate_hz


class VoiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A voice that can be asked for. `language` is a code; "" where it speaks many."""

    voice_id: str
    name: str
    language: str = ""
    provider: str = ""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How to speak: in which voice, which language, how fast. None is the provider's own choice."""

    voice_id: str | None = None
    language: str | None = None
    speed: float = 1.0


PLAIN: Final = Manner()
NO_HINTS: Final = Hints()


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a part can do.

    Attributes:
        local: nothing leaves this machine, and nothing is charged.
        partials: a transcriber tells what it hears before the speaker has ended.
        times: what a synthesizer tells the times of.
        joins_texts: a synthesizer speaks a stream of texts as one speech, and begins before it has all of them.
        client_side: the client's own device speaks; the server makes no samples.
        languages: codes of those that it knows; None: more than can be listed.
    """

    local: bool = False
    partials: bool = False
    times: Literal["characters", "words"] | None = None
    joins_texts: bool = False
    client_side: bool = False
    languages: tuple[str, ...] | None = None


class Transcriber(Protocol):
    """Makes text of speech."""

    @property
    def provider(self) -> str:
        """Who does it: `openai`, `moonshine`."""
        ...

    @property
    def model(self) -> str:
        """By which model."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    async def transcribe(self, audio: Audio, hints: Hints = NO_HINTS) -> Transcript:
        """What is said in `audio`.

        Raises:
            SpeechFault: the provider failed.
        """
        ...

    def stream(self, pieces: AsyncIterable[Audio], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """What is said while it is: partial transcripts as they change, and one final when `pieces` has ended.

        Closing it ends the call at the vendor. Raises as `transcribe`.
        """
        ...


class Synthesizer(Protocol):
    """Makes speech of text."""

    @property
    def provider(self) -> str:
        """Who does it: `elevenlabs`, `openai`, `espeak-ng`."""
        ...

    @property
    def model(self) -> str:
        """By which model."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def speak(self, text: str, manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """`text` as speech, piece by piece as it is made. Closing it ends the call at the vendor.

        Raises:
            InvalidRequest: there is no such voice.
            SpeechFault: the provider failed.
        """
        ...

    def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As `speak`, of texts that come one by one, each a sentence or a clause; it begins with the first of them.

        `texts` is closed, where it can be, when the speech is.
        """
        ...

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """The voices that can be asked for. Raises `SpeechFault`."""
        ...


class ActivityDetector(Protocol):
    """Listens to one microphone. It remembers what it has heard, so each has its own."""

    def feed(self, pcm: bytes) -> tuple[float, ...]:
        """How likely somebody speaks in each window that is complete now, from 0 to 1; the rest waits for the next bytes.

        Cost: a fraction of a millisecond for each window, on the caller's thread: feed at most a second at once.
        """
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class VoiceActivity(Protocol):
    """Tells where in a stream somebody speaks."""

    @property
    def provider(self) -> str:
        """Who does it: `silero`."""
        ...

    @property
    def sample_rate_hz(self) -> int:
        """The rate of what detectors are fed with."""
        ...

    @property
    def window_samples(self) -> int:
        """The samples of one window."""
        ...

    def detector(self) -> ActivityDetector:
        """A new detector, for one microphone."""
        ...


class TurnDetector(Protocol):
    """Tells whether who has paused has ended."""

    async def pause_seconds(self, said: str, *, language: str | None = None) -> float:
        """How long a silence after `said`, all of the turn so far, ends the turn."""
        ...
