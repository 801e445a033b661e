"""What happens in a conversation by voice, in the order in which its client is told. Sockets have their own words for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from aura.answering.events import Answer, Citation
from aura.index.passage import Passage
from aura.voice.playback import Heard


class State(StrEnum):
    """What the assistant does."""

    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


class TalkEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `reply` is the number of the reply that it is of; 0 is none."""

    reply: int = 0


class StateChanged(TalkEvent, frozen=True, kw_only=True):
    """The assistant does something else now."""

    state: State


class SpeechStarted(TalkEvent, frozen=True, kw_only=True):
    """The user began to speak, `audio_ms` after the first audio, in the turn `turn`."""

    turn: int
    audio_ms: int


class SpeechStopped(TalkEvent, frozen=True, kw_only=True):
    """The user's turn has ended."""

    turn: int
    audio_ms: int


class Committed(TalkEvent, frozen=True, kw_only=True):
    """What was said in the turn stands now. `text` where it was typed."""

    turn: int
    text: str | None = None


class Partly(TalkEvent, frozen=True, kw_only=True):
    """What is understood of a turn so far: all of it."""

    turn: int
    text: str


class Transcribed(TalkEvent, frozen=True, kw_only=True):
    """What was said in the turn; "" where nobody spoke. Low `confidence` is reported, not hidden."""

    turn: int
    text: str
    language: str | None = None
    confidence: float | None = None
    seconds: float = 0.0


class NotTranscribed(TalkEvent, frozen=True, kw_only=True):
    """What was said could not be understood: the speech service failed."""

    turn: int
    kind: str
    message: str


class Ducked(TalkEvent, frozen=True, kw_only=True):
    """Somebody makes a sound: be silent at once, or loud again."""

    on: bool


class ReplyBegan(TalkEvent, frozen=True, kw_only=True):
    """A reply to `turn` is under way; `resumes`: it is the rest of one that was interrupted."""

    turn: int
    resumes: bool = False


class RetrievalStarted(TalkEvent, frozen=True, kw_only=True):
    """The documents are being searched."""


class ReplySources(TalkEvent, frozen=True, kw_only=True):
    """What the reply draws on."""

    passages: tuple[Passage, ...]


class ReplyText(TalkEvent, frozen=True, kw_only=True):
    """The next piece of the answer's text, as it is about to be heard, and what proves it."""

    text: str
    spoken: str
    citations: tuple[Citation, ...] = ()


class ReplyAudio(TalkEvent, frozen=True, kw_only=True):
    """The next samples of the reply."""

    pcm: bytes
    sample_rate_hz: int


class ReplyEnded(TalkEvent, frozen=True, kw_only=True):
    """The reply `number` has been sent as far as it goes: to its end, until it was cancelled, or until it failed."""

    number: int
    status: Literal["completed", "cancelled", "failed"]
    reason: Literal["", "turn_detected", "client_cancelled"] = ""
    answer: Answer | None = None
    text: str = ""
    kind: str = ""
    message: str = ""


class Interrupted(TalkEvent, frozen=True, kw_only=True):
    """The reply `number` is not to be heard any further: what the client still has of it is to be thrown away."""

    number: int
    heard: Heard


class TurnMeasured(TalkEvent, frozen=True, kw_only=True):
    """How long each stage of a turn took, in seconds since the user was silent; None where there was no such stage.

    `client_buffer` is how long the client kept the first audio before it was played, as it tells what it plays.
    `prefetched` searches were begun before the turn had ended, of which one was used if `prefetch_used`.
    """

    endpoint: float | None = None
    transcript: float | None = None
    retrieval: float | None = None
    first_token: float | None = None
    first_sentence: float | None = None
    first_audio: float | None = None
    client_buffer: float | None = None
    speculated: int = 0
    prefetched: int = 0
    prefetch_used: bool = False
    interrupted: bool = False


class Fault(TalkEvent, frozen=True, kw_only=True):
    """Something could not be done; the conversation goes on."""

    kind: str
    message: str


WhyOver = Literal["session_limit", "minutes_limit", "idle", "slow_client", "taken_over"]


class Over(TalkEvent, frozen=True, kw_only=True):
    """The conversation ends here."""

    reason: WhyOver
