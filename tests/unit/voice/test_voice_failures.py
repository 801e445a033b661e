"""What fails, is slow, or lasts too long: the conversation goes on, or says why it does not."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable

import msgspec
import pytest
from talk_support import talking

from aura.clock import Timer
from aura.errors import BackendError, LimitExceeded, Unavailable
from aura.testing.clock import FixedTimer
from aura.testing.speech import FixedPause, ScriptedSynthesizer
from aura.testing.voice import Written
from aura.voice.events import Fault, Over, ReplyAudio, ReplyEnded, ReplySources, ReplyText, State
from aura.voice.options import Limits, Options
from aura.voice.outbox import MOST_AUDIO_SECONDS, MOST_EVENTS, Outbox
from aura.voice.ports import PLAIN, Manner, Speech
from aura.voice.reply import LEAD_SECONDS

OPTIONS = Options(turns=FixedPause(0.5))
ANSWER = "It lasts thirteen months. Batteries are covered for six. Keep the receipt."


async def test_a_voice_that_dies_in_a_sentence_says_it_again_whole_and_goes_on() -> None:
    async with talking(["How long?"], [ANSWER], options=OPTIONS) as talk:
        talk.ears.synthesizer.error = BackendError("cut")  # pyright: ignore
        talk.ears.synthesizer._fails_after = 10  # in the second sentence  # pyright: ignore
        await talk.speak(1.0)
        await talk.pause(14.0)  # the next provider dies as far into what is left
        assert talk.said.startswith("It lasts thirteen months. Batteries arBatteries are")
        assert "Batteries are covered for six. " in talk.said
        assert talk.said.endswith("Keep the receipt. ")
        assert talk.said.count("It lasts") == 1
        assert "".join(event.text for event in talk.of(ReplyText)) == ANSWER
        assert talk.of(ReplyEnded)[0].status == "completed"


async def test_a_voice_that_keeps_failing_ends_the_reply_and_not_the_conversation() -> None:
    async with talking(["How long?", "And now?"], [ANSWER, "Fine."], options=OPTIONS) as talk:
        talk.ears.synthesizer.error = BackendError("cut")  # pyright: ignore
        await talk.speak(1.0)
        await talk.pause(3.0)
        assert talk.of(ReplyEnded)[0].status == "failed"
        assert talk.conversation.state is State.LISTENING
        talk.ears.synthesizer.error = None  # pyright: ignore
        await talk.speak(1.0)
        await talk.pause(2.0)
        assert talk.said.strip() == "Fine."


class Silent:
    """A `Synthesizer` that takes a text and never says it."""

    def __init__(self, timer: Timer) -> None:
        self.capabilities = ScriptedSynthesizer().capabilities
        self._timer = timer

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        async for _ in texts:
            await self._timer.sleep(10_000)
        yield Speech(pcm=b"", sample_rate_hz=24_000)


async def test_a_voice_that_is_silent_is_given_up() -> None:
    async with talking(["How long?"], [ANSWER], options=OPTIONS) as talk:
        silent = msgspec.structs.replace(talk.ears, synthesizer=Silent(talk.timer))
        talk.conversation._replying._ears = silent
        await talk.speak(1.0)
        await talk.pause(1.0)
        await talk.timer.advance(35.0)
        assert talk.of(ReplyEnded)[0].status == "failed"
        assert talk.conversation.state is State.LISTENING


class Impatient(ScriptedSynthesizer):
    """A provider that closes a socket on which nothing comes for 20 s."""

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        opened = self._timer.seconds()

        async def watched() -> AsyncGenerator[str]:
            async for text in texts:
                if self._timer.seconds() - opened > 20:
                    raise BackendError("the provider has closed the idle socket")
                yield text

        async for speech in super().speak_stream(watched(), manner):
            yield speech


@pytest.mark.parametrize("idle", ["before", "between"])
async def test_a_provider_that_closes_idle_sockets_still_speaks_the_answer(idle: str) -> None:
    timer = FixedTimer()
    slow = (
        Written(chunks=(ANSWER,), retrieval_seconds=30.0)
        if idle == "before"
        else Written(chunks=("It lasts thirteen months. Now ", "wait for it."), chunk_seconds=30.0)
    )
    async with talking(["How long?"], [slow], options=OPTIONS, timer=timer, synthesizer=Impatient(timer=timer)) as talk:
        await talk.speak(1.0)
        await talk.pause(1.0)
        await talk.timer.advance(60.0)
        assert talk.of(ReplyEnded)[0].status == "completed"
        assert talk.said.split()[-1] == ("receipt." if idle == "before" else "it.")


async def test_samples_sent_are_samples_made() -> None:
    async with talking(["How long?"], [ANSWER], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(10.0)
        spoken = "".join(talk.ears.synthesizer.spoken)  # pyright: ignore
        assert talk.said == spoken == f"{ANSWER} "
        assert len(talk.audio) == 2 * round(0.06 * 24_000) * len(spoken)


async def test_a_reply_runs_no_further_ahead_than_a_few_seconds() -> None:
    async with talking(["How long?"], ["word " * 200], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(3.0)
        sent = len(talk.audio) / 2 / 24_000
        played = talk.timer.seconds() - talk.at(ReplyAudio)
        assert sent - played <= LEAD_SECONDS + 0.3


async def test_an_answer_that_fails_is_told() -> None:
    broken = Written(chunks=("It lasts. ",), error=Unavailable("the model is away"))
    async with talking(["How long?"], [broken], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(4.0)
        ended = talk.of(ReplyEnded)[0]
        assert (ended.status, ended.kind) == ("failed", "Unavailable")
        assert talk.conversation.state is State.LISTENING


async def test_a_refusal_takes_the_place_of_what_was_written() -> None:
    refused = Written(chunks=("I have nothing about that.",), refused=True)
    async with talking(["Why?"], [refused], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(4.0)
        assert talk.said.endswith("I have nothing about that. ")
        assert talk.of(ReplyEnded)[0].status == "completed"


async def test_a_question_beyond_the_limit_is_refused_aloud() -> None:
    async with talking(["How long?"], [ANSWER], options=OPTIONS) as talk:
        talk.answers.refusing = LimitExceeded("no calls are left", limit="calls")
        await talk.speak(1.0)
        await talk.pause(2.0)
        assert talk.of(Fault)[0].kind == "LimitExceeded"
        assert talk.answers.history == []
        assert talk.conversation.state is State.LISTENING


async def test_a_session_ends_with_its_limit_and_when_nobody_says_anything() -> None:
    for limits, reason in (
        (Limits(session_seconds=30.0), "session_limit"),
        (Limits(session_seconds=300.0, idle_seconds=20.0), "idle"),
    ):
        async with talking(limits=limits) as talk:
            await talk.timer.advance(40.0)
            assert [event.reason for event in talk.of(Over)] == [reason]


async def test_a_slow_client_holds_the_voice_back_and_not_the_memory() -> None:
    outbox = Outbox()
    audio = ReplyAudio(reply=1, pcm=bytes(24_000), sample_rate_hz=24_000)
    for _ in range(int(MOST_AUDIO_SECONDS * 2)):
        outbox.post(audio)
    assert not outbox._room.is_set()
    outbox.cancel(1)
    assert outbox._room.is_set()
    outbox.post(audio)
    assert not outbox._events
    for _ in range(MOST_EVENTS + 10):
        outbox.post(ReplySources(passages=()))
    assert [event async for event in outbox.events()] == [Over(reason="slow_client")]
