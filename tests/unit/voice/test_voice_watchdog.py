"""What should be heard and is not: a voice that makes silence, a microphone that falls silent, a client that is away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable

import pytest
from talk_support import talking

from aura.errors import Unavailable
from aura.testing.clock import FixedTimer
from aura.testing.speech import FixedPause, ScriptedSynthesizer
from aura.testing.voice import Written
from aura.voice.events import Ducked, Fault, Interrupted, ReplyAudio, ReplyEnded, State, Transcribed
from aura.voice.options import Options
from aura.voice.ports import PLAIN, Manner, Speech
from aura.voice.watchdog import LOST_SECONDS, STUCK_SECONDS

OPTIONS = Options(turns=FixedPause(0.5))
ANSWER = "It lasts thirteen months. Batteries are covered for six. Keep the receipt."


class Empty(ScriptedSynthesizer):
    """A voice that says so much, and then answers all the time with nothing."""

    audible = 0

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        async for speech in super().speak_stream(texts, manner):
            if self.audible:
                self.audible -= 1
                yield speech
                continue
            while True:
                await self._timer.sleep(1.0)
                yield Speech(pcm=b"", sample_rate_hz=24_000)


@pytest.mark.parametrize("audible", [0, 3], ids=["from the beginning", "in the middle"])
async def test_a_voice_that_speaks_and_is_silent_is_given_up_and_what_was_heard_is_kept(audible: int) -> None:
    timer = FixedTimer()
    mouth = Empty(timer=timer)
    mouth.audible = audible
    async with talking(
        ["How long?", "And now?"], [ANSWER, "Fine."], options=OPTIONS, timer=timer, synthesizer=mouth
    ) as talk:
        await talk.speak(1.0)
        await talk.pause(1.5)
        assert talk.conversation.state is (State.SPEAKING if audible else State.THINKING)
        await timer.advance(STUCK_SECONDS + 2)
        [ended] = talk.of(ReplyEnded)
        assert (ended.status, ended.kind) == ("failed", "Unavailable")
        assert talk.conversation.state is State.LISTENING
        assert bool(talk.of(Interrupted)) == bool(audible)
        mouth.audible = 1_000
        await talk.speak(1.0)
        await talk.pause(3.0)
        assert talk.said.endswith("Fine. ")
        assert talk.answers.history[0].spoken == ("It lasts" if audible else "")


async def test_a_model_that_takes_its_time_in_the_middle_is_waited_for() -> None:
    slow = Written(chunks=("It lasts thirteen months. Now ", "wait for it."), chunk_seconds=STUCK_SECONDS * 2)
    async with talking(["How long?"], [slow], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(1.0)
        await talk.timer.advance(STUCK_SECONDS * 3)
        assert talk.of(ReplyEnded)[0].status == "completed"


async def test_who_is_muted_in_the_middle_of_a_word_has_ended_the_turn() -> None:
    async with talking(["How long is it?"], [ANSWER], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.timer.advance(LOST_SECONDS + 4.0)  # no audio comes, and no silence either
        assert [event.text for event in talk.of(Transcribed)] == ["How long is it?"]
        assert talk.of(ReplyAudio)


async def test_a_microphone_that_falls_silent_in_a_sound_does_not_hold_the_reply_back_for_ever() -> None:
    slow = Written(chunks=(ANSWER,), retrieval_seconds=1.0)
    async with talking(["How long is it?", ""], [slow], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(0.8)
        assert talk.conversation.state is State.THINKING
        await talk.speak(0.1)  # a cough, and the line is dead
        await talk.timer.advance(1.0)
        assert not talk.of(ReplyAudio)
        await talk.timer.advance(LOST_SECONDS + 3.0)
        assert talk.of(ReplyAudio)
        assert not talk.of(Ducked) or talk.of(Ducked)[-1].on is False


async def test_a_client_that_takes_nothing_is_owed_no_more_than_a_few_seconds_and_the_reply_ends() -> None:
    async with talking(["How long?"], ["word " * 200], options=OPTIONS) as talk:
        talk.slow = lambda event: 10_000.0 if isinstance(event, ReplyAudio) else 0.0
        await talk.speak(1.0)
        await talk.pause(2.0)
        await talk.timer.advance(STUCK_SECONDS * 2)
        assert talk.conversation._here.outbox._audio_seconds == 0
        assert talk.conversation.state is State.LISTENING
        assert not talk.conversation.is_replying
        await talk.timer.advance(10_000.0)  # the client's, for the end of the test


async def test_a_fault_of_the_voice_is_told_once() -> None:
    async with talking(["How long?"], [Written(chunks=(), error=Unavailable("away"))], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(2.0)
        assert [event.status for event in talk.of(ReplyEnded)] == ["failed"]
        assert not talk.of(Fault)
