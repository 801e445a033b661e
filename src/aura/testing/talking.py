"""A conversation by voice on fakes and a timer that stands still: a microphone in its own time, and what the client is told.

async with talking(["How long does the warranty last?"], ["A year."]) as talk:
    await talk.speak(1.0)
    await talk.pause(2.0)
    assert talk.said.strip() == "A year."
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from aura.testing.clock import FixedTimer
from aura.testing.speech import (
    LoudnessActivity,
    Script,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    said_in,
    silence,
    tone,
)
from aura.testing.voice import Script as Answering
from aura.testing.voice import ScriptedAnswers
from aura.voice.conversation import Conversation
from aura.voice.events import ReplyAudio, StateChanged, TalkEvent, TurnMeasured
from aura.voice.options import Ears, Limits, Options
from aura.voice.ports import BYTES_PER_SAMPLE, Audio, Capabilities, Synthesizer

T = TypeVar("T", bound=TalkEvent)
CHUNK_SECONDS = 0.02
RATE = 16_000


class Talk:
    """One conversation. `told` has every event, with the time when its client was told, `recorded` the stages of turns."""

    def __init__(self, conversation: Conversation, timer: FixedTimer, answers: ScriptedAnswers, ears: Ears) -> None:
        self.conversation = conversation
        self.timer = timer
        self.answers = answers
        self.ears = ears
        self.told: list[tuple[float, TalkEvent]] = []
        self.recorded: list[TurnMeasured] = []
        self.slow: Callable[[TalkEvent], float] = lambda event: 0.0

    async def write(self) -> None:
        """Be the client's writer, until the conversation ends. `slow` says how long each event takes to write."""
        async for event in self.conversation.events():
            if (wait := self.slow(event)) > 0:
                await self.timer.sleep(wait)
            self.told.append((self.timer.seconds(), event))

    async def hear(self, audio: Audio) -> None:
        """The microphone has `audio`, in its time."""
        step = round(CHUNK_SECONDS * RATE) * BYTES_PER_SAMPLE
        for at in range(0, len(audio.pcm), step):
            self.conversation.hear(audio.pcm[at : at + step])
            await self.timer.advance(CHUNK_SECONDS)

    async def speak(self, seconds: float = 1.0, *, level: int = 8_000) -> None:
        """The user speaks: what they say is the script's."""
        await self.hear(tone(seconds, level=level))

    async def pause(self, seconds: float) -> None:
        """Nobody speaks."""
        await self.hear(silence(seconds))

    def of(self, kind: type[T]) -> list[T]:
        """The events of one kind."""
        return [event for _, event in self.told if isinstance(event, kind)]

    def at(self, kind: type[TalkEvent]) -> float:
        """When the client was first told so."""
        return next(at for at, event in self.told if isinstance(event, kind))

    @property
    def audio(self) -> bytes:
        """All samples that the client was sent."""
        return b"".join(event.pcm for event in self.of(ReplyAudio))

    @property
    def said(self) -> str:
        """What the client was sent, to the character."""
        return said_in(self.audio)

    @property
    def states(self) -> list[str]:
        """What the assistant did, in order."""
        return [event.state.value for event in self.of(StateChanged)]


@asynccontextmanager
async def talking(
    heard: Script = (),
    answers: Answering = (),
    *,
    options: Options | None = None,
    limits: Limits | None = None,
    transcription_seconds: float = 0.1,
    first_seconds: float = 0.3,
    partials: bool = True,
    synthesizer: Synthesizer | None = None,
    times: bool = True,
    timer: FixedTimer | None = None,
) -> AsyncGenerator[Talk]:
    """A conversation that hears `heard` and answers `answers`; it has ended when the block has.

    Args:
        transcription_seconds: from the end of what was said to its transcript.
        first_seconds: from a text to the first sound of it.
        partials: whether transcripts come while somebody speaks.
        times: whether the voice tells when each character is heard.
    """
    timer = timer or FixedTimer()
    transcriber = ScriptedTranscriber(
        heard, timer=timer, delay_seconds=transcription_seconds, capabilities=Capabilities(partials=partials)
    )
    voice = synthesizer or ScriptedSynthesizer(timer=timer, first_seconds=first_seconds, times=times)
    ears = Ears(transcriber=transcriber, activity=LoudnessActivity(), synthesizer=voice)
    scripted, recorded = ScriptedAnswers(answers, timer=timer), list[TurnMeasured]()

    async def record(turn: TurnMeasured) -> None:
        recorded.append(turn)

    conversation = Conversation(
        ears, scripted, options=options or Options(), limits=limits or Limits(), timer=timer, record=record
    )
    talk = Talk(conversation, timer, scripted, ears)
    talk.recorded = recorded
    async with conversation:
        writing = asyncio.create_task(talk.write())
        try:
            yield talk
        finally:
            await conversation.close()
            await asyncio.gather(writing)
