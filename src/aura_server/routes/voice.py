"""Speech in and out: recordings to text, text to speech, and both with the answer between them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, MultipartBody

from aura.answering.ask import InConversation
from aura.identity import ConversationId
from aura.workspace import Workspace
from aura_server.guards import takes_any_form
from aura_server.limits import CALL
from aura_server.wire.voice import (
    SpeechResponse,
    TranscriptResponse,
    VoiceMessageResponse,
    VoicesResponse,
    VoiceStatusResponse,
)

_TAGS = ["voice"]


class TranscriptionForm(msgspec.Struct, kw_only=True):
    """A recording: WAV, MP3, WebM, Ogg, M4A or FLAC. `language`: the code of what is spoken, where it is known."""

    audio: UploadFile
    language: str | None = None


class SynthesisForm(msgspec.Struct, kw_only=True):
    """A text, and how to speak it. `voice_id` is one of GET /voice/voices."""

    text: str
    voice_id: str | None = None
    language: str | None = None
    speed: float = 1.0


class VoiceMessageForm(msgspec.Struct, kw_only=True):
    """A spoken question, and where and how it is asked, as POST /chat/ takes it."""

    audio: UploadFile
    language: str | None = None
    voice_id: str | None = None
    session_id: UUID | None = None
    collection: str | None = None
    use_memory: bool = True
    use_persona: bool = True
    search_knowledge: bool = True
    temporary: bool = False

    @property
    def conversation(self) -> InConversation:
        """The conversation that it is a turn of."""
        if self.session_id is not None:
            return ConversationId(self.session_id)
        return None if self.temporary else "new"


@get("/voice/status", tags=_TAGS)
async def status(workspace: NamedDependency[Workspace]) -> VoiceStatusResponse:
    """Which parts of voice this server has, and what is missing for the others."""
    return VoiceStatusResponse.of(await workspace.voice.status())


@post("/voice/transcribe", status_code=200, opt=CALL, tags=_TAGS)
async def transcribe(
    data: MultipartBody[TranscriptionForm], workspace: NamedDependency[Workspace]
) -> TranscriptResponse:
    """What is said in a recording; "" where nobody speaks."""
    recording = await data.audio.read()
    return TranscriptResponse.of(await workspace.voice.transcribe(recording, language=data.language))


@post("/voice/synthesize", status_code=200, opt=CALL, tags=_TAGS, guards=[takes_any_form])
async def synthesize(
    data: Annotated[SynthesisForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
    workspace: NamedDependency[Workspace],
) -> SpeechResponse:
    """A text as speech: a WAV file. The form may be multipart, too."""
    return SpeechResponse.of(
        await workspace.voice.synthesize(data.text, voice_id=data.voice_id, language=data.language, speed=data.speed)
    )


@get("/voice/voices", tags=_TAGS)
async def voices(workspace: NamedDependency[Workspace]) -> VoicesResponse:
    """The voices that can be asked for, the preferred service's first."""
    return VoicesResponse.of(await workspace.voice.voices())


@post("/voice/message", status_code=200, opt=CALL, tags=_TAGS)
async def message(data: MultipartBody[VoiceMessageForm], workspace: NamedDependency[Workspace]) -> VoiceMessageResponse:
    """A whole turn in one call: the transcript, the answer with its sources, and its speech."""
    turn = await workspace.voice.process_voice_message(
        await data.audio.read(),
        language=data.language,
        voice_id=data.voice_id,
        conversation=data.conversation,
        collection=data.collection,
        use_memory=data.use_memory,
        use_persona=data.use_persona,
        search_knowledge=data.search_knowledge,
        temporary=data.temporary,
    )
    return VoiceMessageResponse.of(turn)


HANDLERS = (status, transcribe, synthesize, voices, message)
