"""A realtime session's settings: what was asked for, as it is given back, and what it means for the conversation."""

from __future__ import annotations

from typing import Final, cast

import msgspec

from aura.errors import InvalidRequest
from aura.voice.options import Options
from aura.voice.ports import AudioFormat as SocketFormat
from aura.voice.ports import Encoding, Hints, Manner
from aura.voice.turns import FixedPause, TurnRules
from aura_server.realtime.items import Wire
from aura_server.wire.realtime import AudioFormat, AudioInput, SessionConfig

_PATIENCE: Final = {"low": 1.5, "medium": 1.0, "auto": 1.0, "high": 0.7}
_ENCODINGS: Final = {"audio/pcm": Encoding.PCM16, "audio/pcmu": Encoding.MULAW, "audio/pcma": Encoding.ALAW}
_FIXED: Final = ("id", "object", "model", "expires_at")
"""What a client can not set."""


def new_session(session_id: str, model: str) -> Wire:
    """The settings that a session begins with."""
    settings = cast("Wire", msgspec.to_builtins(SessionConfig()))
    del settings["aura"]
    audio = cast("dict[str, Wire]", settings["audio"])
    audio["input"]["noise_reduction"] = None
    audio["input"]["format"] = audio["output"]["format"] = {"type": "audio/pcm", "rate": 24_000}
    return {
        "id": session_id,
        "object": "realtime.session",
        "model": model,
        "instructions": "",
        "max_output_tokens": "inf",
        "tool_choice": "auto",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        **settings,
    }


def updated(session: Wire, changes: Wire) -> tuple[Wire, SessionConfig]:
    """`session` with `changes`, and what it means. What is an object in both is merged.

    Raises:
        InvalidRequest: a value can not be used; `field` names it.
    """
    if changes.get("tools"):
        raise InvalidRequest("tools are not offered: the assistant answers from documents", field="session.tools")
    merged = _merged(session, {key: value for key, value in changes.items() if key not in _FIXED})
    return merged, meaning(merged)


def meaning(session: Wire) -> SessionConfig:
    """What `session` means. Raises `InvalidRequest`."""
    try:
        return msgspec.convert(session, SessionConfig)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"this session can not be used: {error}", field="session") from None


def options_of(config: SessionConfig, vocabulary: Hints) -> Options:
    """How the conversation is held by `config`."""
    heard, said = config.audio.input, config.audio.output
    detection = heard.turn_detection
    language = heard.transcription.language if heard.transcription else None
    voice = said.voice if isinstance(said.voice, str) else (said.voice or {}).get("id")
    plain = Options(
        speaks="audio" in config.output_modalities,
        hints=msgspec.structs.replace(vocabulary, language=language or vocabulary.language),
        manner=Manner(voice_id=voice or None, language=language, speed=said.speed),
        speculation=config.aura.speculation,
    )
    if detection is None:
        return msgspec.structs.replace(plain, listens=False, answers=False)
    if detection.type == "server_vad":
        turns = FixedPause(detection.silence_duration_ms / 1000)
    else:
        turns = TurnRules(_PATIENCE[detection.eagerness])
    return msgspec.structs.replace(
        plain,
        answers=detection.create_response,
        interruptible=detection.interrupt_response,
        threshold=detection.threshold,
        pre_roll_seconds=detection.prefix_padding_ms / 1000,
        turns=turns,
    )


def socket_format(format: AudioFormat) -> SocketFormat:
    """How audio in `format` is written on the socket."""
    rate = format.rate or (24_000 if format.type == "audio/pcm" else 8_000)
    return SocketFormat(encoding=_ENCODINGS[format.type], sample_rate_hz=rate)


def tells_transcripts(heard: AudioInput) -> bool:
    """Whether the client wants to know what was understood."""
    return heard.transcription is not None


def _merged(old: Wire, new: Wire) -> Wire:
    merged = dict(old)
    for key, value in new.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merged(cast("Wire", before), cast("Wire", value))
        else:
            merged[key] = value
    return merged
