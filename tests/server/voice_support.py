"""A platform that hears tones and speaks characters, behind a real socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import numpy as np
from server_support import QUESTION, listening

from aura import Aura
from aura.router.health import HealthBoard
from aura.tenants.organisations import Organisations
from aura.testing.speech import LoudnessActivity, ScriptedSynthesizer, ScriptedTranscriber, silence, tone
from aura.voice.parts import VoiceParts, VoiceServices
from aura.voice.ports import Audio, Capabilities
from aura_server import create_app

PHRASES = (QUESTION, "When does the canteen open?", "Stop.", "What is in the merger memo?")
"""What tones mean, by how loud they are: 4,000, 8,000, 12,000, 16,000."""


def understood(audio: Audio) -> str:
    """The phrase that the loudest tone of `audio` means."""
    loudest = int(np.abs(np.frombuffer(audio.pcm, "<i2").astype(np.int32)).max(initial=0))
    return PHRASES[min(len(PHRASES), round(loudest / 4_000)) - 1] if loudest > 500 else ""


def phrase(n: int, *, seconds: float = 0.6, sample_rate_hz: int = 24_000) -> bytes:
    """A tone that is understood as the nth phrase, and silence behind it."""
    said = tone(seconds, sample_rate_hz=sample_rate_hz, level=4_000 * (n + 1))
    return said.pcm + silence(1.0, sample_rate_hz=sample_rate_hz).pcm


def scripted_voice() -> VoiceServices:
    """Ears that understand tones, and a mouth that speaks characters."""
    return VoiceServices(
        transcribers=(ScriptedTranscriber(understood, capabilities=Capabilities()),),
        synthesizers=(ScriptedSynthesizer(character_seconds=0.01),),
        activity=LoudnessActivity(),
    )


@asynccontextmanager
async def talking(platform: Aura) -> AsyncGenerator[str]:
    """The address of an application over the same organisations, with ears and a mouth."""
    async with serving_voice(platform, scripted_voice()) as address:
        yield address


@asynccontextmanager
async def serving_voice(platform: Aura, services: VoiceServices) -> AsyncGenerator[str]:
    """The address of an application over the same organisations, that hears and speaks with `services`."""
    given = platform._parts
    parts = msgspec.structs.replace(given, voice=VoiceParts(given.settings, HealthBoard(), given=services))
    organisations = Organisations(parts.database, passwords=parts.passwords, clock=parts.clock)
    async with listening(create_app(Aura(parts, organisations))) as address:
        yield address
