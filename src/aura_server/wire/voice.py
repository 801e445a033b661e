"""Speech in and out, on the wire."""

from __future__ import annotations

import base64

import msgspec

from aura.voice.parts import PartStatus, VoiceStatus
from aura.voice.ports import Transcript, VoiceInfo
from aura.voice.service import Spoken, VoiceTurn
from aura_server.wire.chat import ChatResponse


class PartResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One part: whether this server has it, who does it, and why it is as it is."""

    available: bool
    provider: str
    reason: str

    @classmethod
    def of(cls, part: PartStatus) -> PartResponse:
        """`part` on the wire."""
        return cls(available=part.available, provider=part.provider, reason=part.reason)


class VoiceStatusResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Speech to text, text to speech, voice activity. `tts.provider` is `browser` where the client speaks by itself."""

    stt: PartResponse
    tts: PartResponse
    vad: PartResponse

    @classmethod
    def of(cls, status: VoiceStatus) -> VoiceStatusResponse:
        """`status` on the wire."""
        return cls(stt=PartResponse.of(status.stt), tts=PartResponse.of(status.tts), vad=PartResponse.of(status.vad))


class TranscriptResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard; "" where nobody has spoken. `confidence`: 0 to 1, null where nobody knows. `duration`: seconds."""

    success: bool
    text: str
    language: str | None
    confidence: float | None
    duration: float
    provider: str

    @classmethod
    def of(cls, transcript: Transcript) -> TranscriptResponse:
        """`transcript` on the wire."""
        return cls(
            success=True,
            text=transcript.text,
            language=transcript.language,
            confidence=transcript.confidence,
            duration=transcript.audio_seconds,
            provider=transcript.provider,
        )


class SpeechResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A text as speech. `audio` is base64, `characters` those of the text, `duration` in seconds."""

    success: bool
    audio: str
    content_type: str
    characters: int
    duration: float
    provider: str

    @classmethod
    def of(cls, spoken: Spoken) -> SpeechResponse:
        """`spoken` on the wire."""
        return cls(
            success=True,
            audio=base64.b64encode(spoken.audio).decode(),
            content_type=spoken.content_type,
            characters=spoken.characters,
            duration=spoken.seconds,
            provider=spoken.provider,
        )


class VoiceResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A voice. `language` is a code; "" where it speaks many."""

    voice_id: str
    name: str
    language: str
    provider: str


class VoicesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The voices that can be asked for."""

    voices: tuple[VoiceResponse, ...]

    @classmethod
    def of(cls, voices: tuple[VoiceInfo, ...]) -> VoicesResponse:
        """`voices` on the wire."""
        return cls(voices=tuple(VoiceResponse(**msgspec.structs.asdict(voice)) for voice in voices))


class VoiceMessageResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A turn by voice: what was heard, the answer with its sources, what is read out of it, and its speech.

    Where nobody has spoken `answer` and `speech` are null; where the server has no voice `speech` is.
    """

    transcript: TranscriptResponse
    answer: ChatResponse | None
    said: str
    speech: SpeechResponse | None

    @classmethod
    def of(cls, turn: VoiceTurn) -> VoiceMessageResponse:
        """`turn` on the wire."""
        return cls(
            transcript=TranscriptResponse.of(turn.transcript),
            answer=None if turn.answer is None else ChatResponse.of(turn.answer),
            said=turn.said,
            speech=None if turn.speech is None else SpeechResponse.of(turn.speech),
        )
