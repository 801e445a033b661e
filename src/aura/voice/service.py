"""`Voice`: what one scope can have heard and spoken. Every call is in its ledger, and within its budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from aura.answering.ask import InConversation, Question
from aura.answering.events import Answer
from aura.errors import InvalidRequest
from aura.identity import CollectionId, Scope, Verb
from aura.router.context import Books
from aura.voice.attempts import Ledgered
from aura.voice.audio.files import decoded, wav
from aura.voice.audio.presence import is_silent, spoken_parts
from aura.voice.chains import SynthesizerChain, TranscriberChain
from aura.voice.errors import PartMissing
from aura.voice.parts import VoiceParts, VoiceStatus
from aura.voice.ports import (
    BYTES_PER_SAMPLE,
    Audio,
    Hints,
    Manner,
    Speech,
    Synthesizer,
    Transcriber,
    Transcript,
    VoiceActivity,
    VoiceInfo,
)
from aura.voice.speakable.cardinals import Language
from aura.voice.speakable.speakable import Speakable

SLOWEST, FASTEST = 0.5, 2.0
_LONGEST_VOCABULARY: Final = 100
_SPOKEN_LANGUAGES: Final[tuple[Language, ...]] = ("en", "de")


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A text as speech: a WAV file, how long it is, and who has made it."""

    audio: bytes
    seconds: float
    characters: int
    provider: str
    content_type: str = "audio/wav"


class VoiceTurn(msgspec.Struct, frozen=True, kw_only=True):
    """One turn by voice. Where nobody has spoken there is no answer; where the server has no voice, no speech.

    `said` is the answer as it is read out: what a client that speaks by itself is to say.
    """

    transcript: Transcript
    answer: Answer | None = None
    said: str = ""
    speech: Spoken | None = None


class Voice:
    """Ears and a mouth for one scope.

    Args:
        keys: the organisation's own keys, by provider.
        answer: answers in the scope, as `Workspace.answer`.
        ensure: refuses a conversation or a collection that the scope does not have.
        vocabulary: names that the organisation uses, which its speakers say.
    """

    def __init__(
        self,
        parts: VoiceParts,
        scope: Scope,
        *,
        books: Books,
        keys: Callable[[], Awaitable[Mapping[str, str]]],
        answer: Callable[[Question], Awaitable[Answer]],
        ensure: Callable[[InConversation, str | CollectionId | None], Awaitable[None]],
        vocabulary: tuple[str, ...] = (),
    ) -> None:
        self._parts = parts
        self._scope = scope
        self._books = books
        self._keys = keys
        self._answer = answer
        self._ensure = ensure
        self._vocabulary = vocabulary

    @property
    def activity(self) -> VoiceActivity | None:
        """What tells where somebody speaks; None where it is not installed."""
        return self._parts.activity

    async def status(self) -> VoiceStatus:
        """What hears, speaks and listens for voices here. Cost: one statement; no service is called."""
        return self._parts.status(await self._keys())

    async def transcriber(self, response_id: UUID | None = None) -> Transcriber:
        """The services that hear, as one port. Raises `Denied` where an API key acts that may not `ask`."""
        self._scope.require(Verb.ASK)
        routes = self._parts.transcribers(await self._keys())
        return TranscriberChain(routes, self._ledgered(response_id), deadline_seconds=self._parts.deadline_seconds)

    async def synthesizer(self, response_id: UUID | None = None) -> Synthesizer:
        """The services that speak, as one port. Raises as `transcriber`.

        Args:
            response_id: the answer that is spoken, for the ledger.
        """
        self._scope.require(Verb.ASK)
        routes = self._parts.synthesizers(await self._keys())
        return SynthesizerChain(routes, self._ledgered(response_id), deadline_seconds=self._parts.deadline_seconds)

    def hints(self, language: str | None = None) -> Hints:
        """What helps to hear the members of this organisation right."""
        return Hints(language=language or None, vocabulary=self._vocabulary)

    async def transcribe(self, recording: bytes, *, language: str | None = None) -> Transcript:
        """What is said in a recording: a whole file of one of the known kinds. Of silence and noise the text is "".

        Raises:
            InvalidRequest: it is no recording, or too large or too long.
            LimitExceeded: a budget has no room for it.
            Denied: an API key acts that may not `ask`.
            PartMissing: nothing that hears is installed or configured; the message says how it is.
            Unavailable: every service that could is away.

        Cost: one call of a service, whose row is in the ledger; none where nobody speaks.
        """
        ears = await self.transcriber()
        if not ears.provider:
            await ears.transcribe(Audio(pcm=b"", sample_rate_hz=1))  # which says what is missing
        audio = await decoded(recording, self._parts.limits)
        spoken = await asyncio.to_thread(_spoken_extent, audio, self._parts.activity)
        if spoken is None:
            return Transcript(text="", audio_seconds=audio.seconds, language=language or None)
        found = await ears.transcribe(spoken, self.hints(language))
        return msgspec.structs.replace(found, text=found.text.strip(), audio_seconds=audio.seconds)

    async def synthesize(
        self,
        text: str,
        *,
        voice_id: str | None = None,
        language: str | None = None,
        speed: float = 1.0,
        response_id: UUID | None = None,
    ) -> Spoken:
        """`text` as speech, whole.

        Args:
            voice_id: one of `voices`; None is the service's own choice.

        Raises:
            InvalidRequest: the text is empty or too long, or there is no such voice.
            Others: as `transcribe`.

        Cost: one call of a service, whose row is in the ledger.
        """
        self._scope.require(Verb.ASK)
        if not text.strip():
            raise InvalidRequest("there is no text to speak", field="text")
        if len(text) > self._parts.max_characters:
            raise InvalidRequest(
                f"the text has {len(text):,} characters, more than {self._parts.max_characters:,}: speak it in parts",
                field="text",
            )
        if not SLOWEST <= speed <= FASTEST:
            raise InvalidRequest(f"a speed goes from {SLOWEST} to {FASTEST}", field="speed")
        mouth = await self.synthesizer(response_id)
        pieces = list[Speech]()
        async with aclosing(mouth.speak(text, Manner(voice_id=voice_id, language=language, speed=speed))) as speech:
            async for piece in speech:
                pieces.append(piece)
        seconds = sum(piece.seconds for piece in pieces)
        return Spoken(audio=wav(pieces), seconds=seconds, characters=len(text), provider=mouth.provider)

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """The voices that can be asked for. Raises as `synthesize`. Cost: a call of each service, which bills nothing."""
        mouth = await self.synthesizer()
        return await mouth.voices()

    async def process_voice_message(
        self, recording: bytes, *, language: str | None = None, voice_id: str | None = None, **question: Any
    ) -> VoiceTurn:
        """A whole turn in one call: a recording in; its transcript, the answer, its sources and its speech out.

        Args:
            question: where and how it is asked, as `Workspace.ask` takes it.

        Raises:
            Whatever `transcribe`, `Workspace.ask` and `synthesize` raise. A server without a voice is no error: the
            answer is there to read.

        Cost: a call of a service that hears, one of the model, one of a service that speaks.
        """
        self._scope.require(Verb.ASK)
        await self._ensure(question.get("conversation"), question.get("collection"))
        transcript = await self.transcribe(recording, language=language)
        if not transcript.text:
            return VoiceTurn(transcript=transcript)
        answer = await self._answer(Question(message=transcript.text, channel="voice", **question))
        said = read_out(answer.text, language or transcript.language)[: self._parts.max_characters]
        try:
            speech = await self.synthesize(said, voice_id=voice_id, language=language, response_id=answer.response_id)
        except PartMissing:
            speech = None
        return VoiceTurn(transcript=transcript, answer=answer, said=said, speech=speech)

    def _ledgered(self, response_id: UUID | None) -> Ledgered:
        return Ledgered(board=self._parts.board, books=self._books, response_id=response_id)


def read_out(text: str, language: str | None) -> str:
    """An answer's text as it is read out: without markup and markers, numbers in words."""
    code = (language or "en").partition("-")[0]
    speakable = Speakable(code if code in _SPOKEN_LANGUAGES else None)
    pieces = [*speakable.feed(text), *speakable.finish()]
    return " ".join(piece.text.strip() for piece in pieces if piece.text.strip())


def vocabulary_of(settings: Mapping[str, object]) -> tuple[str, ...]:
    """The names in an organisation's own settings (`custom_settings["voice_vocabulary"]`); what is no text is left out."""
    given = settings.get("voice_vocabulary")
    if not isinstance(given, list | tuple):
        return ()
    names = [name.strip()[:60] for name in cast("list[object]", given) if isinstance(name, str)]
    return tuple(name for name in names if name)[:_LONGEST_VOCABULARY]


def _spoken_extent(audio: Audio, activity: VoiceActivity | None) -> Audio | None:
    """`audio` from where somebody begins to speak to where the last one ends; None where nobody does."""
    if activity is None:
        return None if is_silent(audio) else audio
    parts = spoken_parts(audio, activity)
    if not parts:
        return None
    first, last = parts[0], parts[-1]
    start = round(first.start_seconds * audio.sample_rate_hz)
    end = round((last.start_seconds + last.audio.seconds) * audio.sample_rate_hz)
    return Audio(pcm=audio.pcm[start * BYTES_PER_SAMPLE : end * BYTES_PER_SAMPLE], sample_rate_hz=audio.sample_rate_hz)
