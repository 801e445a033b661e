"""Many conversations by voice at once on fakes: what the orchestrator adds to the sum of their delays, stage by stage."""

from __future__ import annotations

import asyncio
import time

from aura.testing.speech import (
    FixedPause,
    LoudnessActivity,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    silence,
    tone,
)
from aura.testing.voice import ScriptedAnswers, Written
from aura.voice.conversation import Conversation
from aura.voice.events import TurnMeasured
from aura.voice.options import Ears, Options
from aura.voice.ports import BYTES_PER_SAMPLE, Audio, Capabilities
from aura_evals.bench.report import Goal, Recorder, Report, milliseconds

LIMIT_MS = 30.0
"""What the orchestrator may add to the first sound of a reply, at the 95th percentile of 20 conversations."""
_ENDPOINT, _TRANSCRIPT, _TOKEN, _SOUND = 0.5, 0.1, 0.3, 0.3
_CHUNK_SECONDS = 0.02
_RATE = 16_000
_ANSWER = "It lasts thirteen months from the day of purchase. "
_DUE = {
    "endpoint": _ENDPOINT,
    "first_token": _ENDPOINT + _TOKEN,
    "first_sentence": _ENDPOINT + _TOKEN,
    "first_audio": _ENDPOINT + _TOKEN + _SOUND,
}
"""When each stage is due after the end of speech, as far as the fakes go."""


async def bench_voice(conversations: int, turns: int) -> Report:
    """Microphones in real time, 50 pieces a second each. Cost: about six seconds for each turn."""
    recorder = Recorder("voice")
    measured: list[TurnMeasured] = []
    spoken = tone(0.96), silence(4.8)  # made once: it takes the loop's time
    await _talk(spoken, 0.0, 1, [])  # what is loaded at its first use is loaded
    before = time.process_time(), time.perf_counter()
    await asyncio.gather(*(_talk(spoken, n / 20, turns, measured) for n in range(conversations)))
    busy, took = time.process_time() - before[0], time.perf_counter() - before[1]
    of = f"{conversations} conversations"
    for stage, due in _DUE.items():
        late = [value - due for each in measured if (value := getattr(each, stage)) is not None]
        what = f"{stage.replace('_', ' ')} later than its parts, p95, {of}"
        if stage == "first_audio":
            recorder.add(what, milliseconds(late, 95), "ms", against=LIMIT_MS, goal=Goal(limit=1.0))
        else:
            recorder.add(what, milliseconds(late, 95), "ms")
    recorder.add(f"turns that were measured of {conversations * turns}", len(measured), "")
    recorder.add("of one core", 100 * busy / took, "%")
    recorder.note(
        "what a pause is noticed late by is in it: microphones come in pieces of 20 ms, voices in windows of 32 ms"
    )
    return recorder.report()


async def _talk(spoken: tuple[Audio, ...], after: float, turns: int, measured: list[TurnMeasured]) -> None:
    await asyncio.sleep(after)
    ears = Ears(
        transcriber=ScriptedTranscriber(
            lambda _: "How long is it?", delay_seconds=_TRANSCRIPT, capabilities=Capabilities(partials=True)
        ),
        activity=LoudnessActivity(),
        synthesizer=ScriptedSynthesizer(first_seconds=_SOUND),
    )
    chunks = tuple(f"{word} " for word in _ANSWER.split())
    answers = ScriptedAnswers(lambda _: Written(chunks=chunks, first_seconds=_TOKEN))
    async with Conversation(ears, answers, options=Options(turns=FixedPause(_ENDPOINT))) as talk:
        writing = asyncio.create_task(_write(talk, measured))
        for _ in range(turns):
            for audio in spoken:
                await _hear(talk, audio)
        await talk.close()
        await writing


async def _write(talk: Conversation, measured: list[TurnMeasured]) -> None:
    async for event in talk.events():
        if isinstance(event, TurnMeasured):
            measured.append(event)


async def _hear(talk: Conversation, audio: Audio) -> None:
    """The microphone has `audio`, in real time."""
    started, step = time.monotonic(), round(_CHUNK_SECONDS * _RATE) * BYTES_PER_SAMPLE
    for n, at in enumerate(range(0, len(audio.pcm), step), 1):
        talk.hear(audio.pcm[at : at + step])
        await asyncio.sleep(max(0.0, started + _CHUNK_SECONDS * n - time.monotonic()))
