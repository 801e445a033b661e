"""OpenAI hears and speaks, over HTTP. The package `openai` itself is adapted in `aura.router.endpoint_model`."""

from __future__ import annotations

import asyncio
import io
import math
import wave
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Final
from weakref import WeakKeyDictionary

from aura.errors import AuraError, InvalidRequest
from aura.router.endpoint import open_client
from aura.router.faults import FaultKind
from aura.voice.errors import PartMissing, SpeechFault
from aura.voice.ports import (
    BYTES_PER_SAMPLE,
    NO_HINTS,
    PLAIN,
    Audio,
    Capabilities,
    Hints,
    Manner,
    Speech,
    Transcript,
    VoiceInfo,
)

COMMAND: Final = 'pip install "aura[openai]"'
VOICES: Final = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
SPOKEN_HZ: Final = 24_000
"""What `pcm` is. Source: OpenAI's reference of `audio/speech`."""
_PIECE_BYTES: Final = 9_600
"""0.2 s."""
_NO_SPEECH: Final = 0.6
"""A segment of Whisper's that is so likely no speech is left out, if its words are unlikely, too. Source: its paper."""
_UNLIKELY: Final = -1.0


class _Clients:
    """One client for each event loop: its connections belong to the loop that opened them."""

    def __init__(self, key: str, address: str | None) -> None:
        self._key, self._address = key, address
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    @property
    def client(self) -> Any:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = open_client(self._key, self._address)
        return client

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()


class OpenAITranscriber:
    """A `Transcriber`: `whisper-1`, `gpt-4o-transcribe`, `gpt-4o-mini-transcribe`.

    Raises:
        PartMissing: the extra `openai` is not installed.
    """

    provider = "openai"

    def __init__(self, key: str, model: str, *, address: str | None = None) -> None:
        require_package("speech to text")
        self.model = model
        self.capabilities = Capabilities(partials=not self._whisper)
        self._clients = _Clients(key, address)

    @property
    def _whisper(self) -> bool:
        return self.model.startswith("whisper")

    async def transcribe(self, audio: Audio, hints: Hints = NO_HINTS) -> Transcript:
        """As its port. Cost: one request."""
        form = "verbose_json" if self._whisper else "json"
        extra: dict[str, Any] = {} if self._whisper else {"include": ["logprobs"]}
        try:
            answer: Any = await self._clients.client.audio.transcriptions.create(
                **self._asked(audio, hints), response_format=form, **extra
            )
        except AuraError:
            raise
        except (
            Exception
        ) as error:  # the package has some thirty classes, and its HTTP client has its own: all are told apart there
            raise SpeechFault.of(error, provider=self.provider) from error
        text, confidence = _of_whisper(answer) if self._whisper else (answer.text, _certainty(answer.logprobs))
        return self._transcript(text, audio, hints, confidence=confidence, told=getattr(answer, "language", None))

    async def stream(self, pieces: AsyncIterable[Audio], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """As its port: the audio is sent when it is whole, and the text comes as it is made."""
        heard = [piece async for piece in pieces]
        audio = Audio(
            pcm=b"".join(piece.pcm for piece in heard), sample_rate_hz=heard[0].sample_rate_hz if heard else SPOKEN_HZ
        )
        if self._whisper or not audio.pcm:
            yield await self.transcribe(audio, hints) if audio.pcm else self._transcript("", audio, hints)
            return
        async with aclosing(self._deltas(audio, hints)) as found:
            async for transcript in found:
                yield transcript

    async def close(self) -> None:
        """Close the connections of the running loop."""
        await self._clients.close()

    async def _deltas(self, audio: Audio, hints: Hints) -> AsyncGenerator[Transcript]:
        said, final = "", False
        try:
            events: Any = await self._clients.client.audio.transcriptions.create(
                **self._asked(audio, hints), response_format="json", include=["logprobs"], stream=True
            )
            async with events:
                async for event in events:
                    if event.type == "transcript.text.delta":
                        said += event.delta
                        yield self._transcript(said, audio, hints, final=False)
                    elif event.type == "transcript.text.done":
                        final = True
                        yield self._transcript(event.text, audio, hints, confidence=_certainty(event.logprobs))
        except AuraError:
            raise
        except Exception as error:  # as in `transcribe`
            raise SpeechFault.of(error, provider=self.provider) from error
        if not final:
            raise SpeechFault.kind(FaultKind.CUT, provider=self.provider)

    def _asked(self, audio: Audio, hints: Hints) -> dict[str, Any]:
        asked: dict[str, Any] = {"file": ("speech.wav", _as_wav(audio), "audio/wav"), "model": self.model}
        if hints.language:
            asked["language"] = hints.language.partition("-")[0]
        if hints.vocabulary:
            asked["prompt"] = ", ".join(hints.vocabulary)
        return asked

    def _transcript(
        self,
        text: str,
        audio: Audio,
        hints: Hints,
        *,
        final: bool = True,
        confidence: float | None = None,
        told: str | None = None,
    ) -> Transcript:
        return Transcript(
            text=text.strip(),
            final=final,
            language=hints.language or _CODES.get((told or "").lower(), told),
            confidence=confidence,
            audio_seconds=audio.seconds,
            provider=self.provider,
            model=self.model,
        )


class OpenAISynthesizer:
    """A `Synthesizer`: `gpt-4o-mini-tts`, `tts-1`, `tts-1-hd`. It tells no times.

    Raises:
        PartMissing: the extra `openai` is not installed.
    """

    provider = "openai"
    capabilities = Capabilities()

    def __init__(self, key: str, model: str, *, voice: str = "alloy", address: str | None = None) -> None:
        require_package("text to speech")
        self.model = model
        self._voice = voice
        self._clients = _Clients(key, address)

    async def speak(self, text: str, manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port. Cost: one request for each text."""
        voice = manner.voice_id or self._voice
        if voice not in VOICES:
            raise InvalidRequest(f"OpenAI has no voice {voice[:60]!r}: choose of {', '.join(VOICES)}", field="voice_id")
        odd, came = b"", False
        try:
            asked = self._clients.client.audio.speech.with_streaming_response.create(
                input=text, model=self.model, voice=voice, response_format="pcm", speed=manner.speed
            )
            async with asked as answer:
                async for data in answer.iter_bytes(_PIECE_BYTES):
                    data = odd + data
                    whole = len(data) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
                    odd = data[whole:]
                    if whole:
                        came = True
                        yield Speech(pcm=data[:whole], sample_rate_hz=SPOKEN_HZ)
        except AuraError:
            raise
        except Exception as error:  # as in `transcribe`
            raise SpeechFault.of(error, provider=self.provider) from error
        if not came:
            raise SpeechFault.kind(FaultKind.EMPTY, provider=self.provider)

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port: a request for each text, one after the other."""
        try:
            async for text in texts:
                if not any(character.isalnum() for character in text):
                    continue
                async with aclosing(self.speak(text, manner)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            if isinstance(texts, AsyncGenerator):
                await texts.aclose()

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """As its port: OpenAI has no list to ask for."""
        return tuple(VoiceInfo(voice_id=name, name=name.title(), provider=self.provider) for name in VOICES)

    async def close(self) -> None:
        """Close the connections of the running loop."""
        await self._clients.close()


def require_package(part: str) -> None:
    """Raises `PartMissing` without the extra `openai`. Nothing is imported."""
    from importlib.util import find_spec

    if find_spec("openai") is None:
        raise PartMissing(f"{part} by OpenAI is not installed: {COMMAND}", part=part, command=COMMAND)


def _as_wav(audio: Audio) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(audio.sample_rate_hz)
        file.writeframes(audio.pcm)
    return out.getvalue()


def _certainty(logprobs: Sequence[Any] | None) -> float | None:
    """The geometric mean of the tokens' probabilities."""
    found = [each.logprob for each in logprobs or () if each.logprob is not None]
    return math.exp(sum(found) / len(found)) if found else None


def _of_whisper(answer: Any) -> tuple[str, float | None]:
    """The text of what is speech, and the mean probability of its tokens."""
    segments: Iterable[Any] = answer.segments or ()
    kept = [each for each in segments if each.no_speech_prob <= _NO_SPEECH or each.avg_logprob > _UNLIKELY]
    if not answer.segments:
        return answer.text, None
    if not kept:
        return "", None
    confidence = math.exp(sum(each.avg_logprob for each in kept) / len(kept))
    return "".join(each.text for each in kept), confidence


_CODES: Final = {"english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt"}
"""Whisper tells a language by its English name."""
