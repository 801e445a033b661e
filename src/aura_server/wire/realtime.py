"""OpenAI's Realtime events, as far as AURA speaks them. AURA's own begin with `aura.`, and are off unless asked for."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aura.access.callers import Ticket
from aura_server.wire.common import Secretive

Extension = Literal["state", "sources", "citations", "duck", "metrics", "partials", "resume"]
"""What can be asked for in `session.aura.events`."""
Modality = Literal["audio", "text"]


class AudioFormat(msgspec.Struct, frozen=True, kw_only=True):
    """How audio is written: PCM of 16 bits, or one of the two laws of telephones at 8 kHz."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    rate: Literal[8_000, 16_000, 22_050, 24_000, 44_100, 48_000] | None = None


class Transcription(msgspec.Struct, frozen=True, kw_only=True):
    """How the user's words are told back."""

    model: str | None = None
    language: str | None = None


class TurnDetection(msgspec.Struct, frozen=True, kw_only=True):
    """`server_vad` ends a turn after a fixed silence, `semantic_vad` by what was said."""

    type: Literal["server_vad", "semantic_vad"] = "semantic_vad"
    create_response: bool = True
    interrupt_response: bool = True
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=5_000)] = 500
    silence_duration_ms: Annotated[int, Meta(ge=50, le=10_000)] = 500
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"


class AudioInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the client sends."""

    format: AudioFormat = AudioFormat()
    transcription: Transcription | None = Transcription()
    turn_detection: TurnDetection | None = TurnDetection()


class AudioOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What the client is sent."""

    format: AudioFormat = AudioFormat()
    voice: str | dict[str, str] | None = None
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] = 1.0


class AudioConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Both ways."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class AuraConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AURA's own: which events it adds, what it begins before it is sure that the user has ended, and audio in binary."""

    events: tuple[Extension, ...] = ()
    speculation: Literal["off", "answer", "synthesis"] = "off"
    binary: bool = False


class SessionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A session's settings that have an effect. Others are taken and given back; the organisation's own rules stand."""

    type: Literal["realtime"] = "realtime"
    output_modalities: tuple[Modality, ...] = ("audio",)
    audio: AudioConfig = AudioConfig()
    tools: tuple[object, ...] | None = ()
    aura: AuraConfig = AuraConfig()


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an item. Text is read, and audio of 24 kHz."""

    type: str
    text: str | None = None
    transcript: str | None = None
    audio: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item of the conversation, as a client makes it."""

    type: str
    role: Literal["user", "assistant", "system"] | None = None
    content: tuple[Content, ...] = ()
    id: Annotated[str, Meta(max_length=64)] | None = None


class ResponseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How one response is to be, where it differs."""

    output_modalities: tuple[Modality, ...] | None = None
    conversation: str = "auto"
    input: tuple[object, ...] | None = None
    instructions: str | None = None
    metadata: dict[str, str] | None = None


class ClientEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What a client sends."""

    event_id: str | None = None


class SessionUpdate(ClientEvent, frozen=True, kw_only=True, tag="session.update"):
    session: dict[str, object]


class InputAppend(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.append"):
    audio: str


class InputCommit(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    pass


class InputClear(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    pass


class OutputClear(ClientEvent, frozen=True, kw_only=True, tag="output_audio_buffer.clear"):
    pass


class ItemCreate(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.create"):
    item: Item
    previous_item_id: str | None = None


class ItemTruncate(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.truncate"):
    item_id: str
    audio_end_ms: Annotated[int, Meta(ge=0)]
    content_index: int = 0


class ItemDelete(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.delete"):
    item_id: str


class ItemRetrieve(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.retrieve"):
    item_id: str


class ResponseCreate(ClientEvent, frozen=True, kw_only=True, tag="response.create"):
    response: ResponseConfig | None = None


class ResponseCancel(ClientEvent, frozen=True, kw_only=True, tag="response.cancel"):
    response_id: str | None = None


class Played(ClientEvent, frozen=True, kw_only=True, tag="aura.played"):
    """AURA's own: so much of an item has been played."""

    item_id: str
    audio_ms: Annotated[int, Meta(ge=0)]


AnyClientEvent = (
    SessionUpdate
    | InputAppend
    | InputCommit
    | InputClear
    | OutputClear
    | ItemCreate
    | ItemTruncate
    | ItemDelete
    | ItemRetrieve
    | ResponseCreate
    | ResponseCancel
    | Played
)
"""Every event that a client may send."""


class ExpiresAfter(msgspec.Struct, frozen=True, kw_only=True):
    """How long a secret is good."""

    seconds: Annotated[int, Meta(ge=10, le=7_200)] = 600
    anchor: Literal["created_at"] = "created_at"


class ClientSecretRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A secret for one connection of a browser. `session` are the settings that it begins with."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: dict[str, object] | UnsetType = UNSET


class ClientSecretResponse(Secretive, frozen=True, kw_only=True):
    """The secret: good for one connection, with the rights of its maker."""

    value: str
    expires_at: int
    session: dict[str, object]

    @classmethod
    def of(cls, ticket: Ticket, now: int, session: dict[str, object]) -> ClientSecretResponse:
        """`ticket` on the wire."""
        return cls(value=ticket.ticket, expires_at=now + ticket.expires_in_seconds, session=session)
