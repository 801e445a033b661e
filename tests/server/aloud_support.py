"""A platform with the real parts that need no key, behind a real socket; speech for it; and ears that know few words."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from voice_support import serving_voice

from aura import Aura
from aura.testing.speech import collected
from aura.voice.adapters.moonshine import Moonshine
from aura.voice.adapters.programs import Espeak, Flite, Program, ProgramSynthesizer
from aura.voice.adapters.silero import Silero
from aura.voice.audio.codecs import Resampler
from aura.voice.parts import VoiceServices
from aura.voice.ports import Audio, Manner

PROGRAMS: tuple[Program, ...] = tuple(each for each in (Espeak(), Flite()) if shutil.which(each.name))
"""Those of the two that are installed."""


@asynccontextmanager
async def talking_aloud(platform: Aura) -> AsyncGenerator[tuple[str, Moonshine]]:
    """The address of an application that hears with Moonshine and speaks with a program, and its ears."""
    ears = Moonshine(Silero())
    services = VoiceServices(transcribers=(ears,), synthesizers=(ProgramSynthesizer(PROGRAMS[0]),), activity=Silero())
    try:
        async with serving_voice(platform, services) as address:
            yield address, ears
    finally:
        await ears.close()


async def recorded(text: str, *, program: Program | None = None, rate_hz: int = 24_000, speed: float = 1.0) -> bytes:
    """What a microphone records of somebody who says `text`."""
    spoken = await collected(ProgramSynthesizer(program or PROGRAMS[0]).speak(text, Manner(speed=speed)))
    return resampled(b"".join(piece.pcm for piece in spoken), spoken[0].sample_rate_hz, rate_hz)


def resampled(pcm: bytes, rate_hz: int, wanted_hz: int) -> bytes:
    """`pcm` at another rate."""
    resampler = Resampler(rate_hz, wanted_hz)
    return resampler.feed(pcm) + resampler.finish()


def recognised(grammar: str, audio: Audio) -> str:
    """Which sentence of a closed grammar (JSGF) was said; "" where none was. It can not hear anything else."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16_000, lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("said", grammar)
    decoder.activate_search("said")
    decoder.start_utt()
    decoder.process_raw(resampled(audio.pcm, audio.sample_rate_hz, 16_000), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found is not None else ""
