"""Who speaks while the assistant does: what interrupts it, what does not, and what of it was heard."""

from __future__ import annotations

import array
import asyncio
import random

import msgspec
import numpy as np
import pytest
from talk_support import RATE, Talk, talking

from aura.errors import InvalidRequest, NotFound
from aura.testing.speech import FixedPause, Heard, ScriptedSynthesizer, silence, tone
from aura.testing.voice import Written
from aura.voice.events import (
    Ducked,
    Interrupted,
    ReplyAudio,
    ReplyBegan,
    ReplyEnded,
    ReplyText,
    SpeechStarted,
    State,
    Transcribed,
)
from aura.voice.options import Options
from aura.voice.ports import Audio

QUESTION = "How long is the warranty?"
ANSWER = (
    "It lasts thirteen months from the day of purchase. Batteries are covered for six months alone. Keep the receipt."
)
OPTIONS = Options(turns=FixedPause(0.5))


async def asked(talk: Talk, *, until: float = 1.5) -> None:
    """The user has asked, and the assistant speaks since a while."""
    await talk.speak(1.0)
    await talk.pause(until)


async def test_three_hundred_milliseconds_of_speech_interrupt_without_a_word() -> None:
    async with talking([QUESTION, Heard(delay_seconds=9.0)], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=5.0)
        onset = talk.timer.seconds()
        await talk.speak(0.5)
        assert talk.at(Ducked) - onset <= 0.2
        assert 0.28 <= talk.at(Interrupted) - onset <= 0.45
        assert talk.conversation.state is State.LISTENING


async def test_the_assistant_is_silent_within_200_ms_also_when_only_its_playback_runs() -> None:
    async with talking(
        [QUESTION, "Stop."], ["It lasts thirteen months from the day of purchase."], options=OPTIONS
    ) as talk:
        await asked(talk, until=1.1 + 1.5)  # all of it was sent; it takes 3 s to play
        assert talk.of(ReplyEnded)[0].status == "completed"
        assert talk.conversation.state is State.SPEAKING
        onset = talk.timer.seconds()
        await talk.speak(0.3)
        await talk.pause(0.5)
        assert talk.of(Ducked)[0].on
        assert talk.at(Ducked) - onset <= 0.2
        assert len(talk.of(Interrupted)) == 1


async def test_one_word_interrupts_in_the_first_three_seconds() -> None:
    script = [QUESTION, Heard(text="Stop it.", partials=[(0.5, "Stop")])]
    async with talking(script, [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=1.5)
        onset = talk.timer.seconds()
        await talk.speak(0.6)
        assert 0.0 < talk.at(Interrupted) - onset < 0.4


async def test_speech_without_words_does_not_interrupt_in_the_first_three_seconds() -> None:
    async with talking([QUESTION, ""], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=1.5)
        await talk.speak(0.8)
        await talk.pause(12.0)
        assert not talk.of(Interrupted)
        assert talk.said.strip() == ANSWER


@pytest.mark.parametrize("sound", ["Mm-hm.", "Okay.", ""])
async def test_a_cough_or_an_mm_hm_ducks_and_the_reply_goes_on(sound: str) -> None:
    async with talking([QUESTION, sound], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=5.0)
        await talk.speak(0.2)
        await talk.pause(2.0)
        ducks = [(at, event.on) for at, event in talk.told if isinstance(event, Ducked)]
        assert [on for _, on in ducks] == [True, False]
        assert ducks[1][0] - ducks[0][0] <= 2.0
        await talk.pause(10.0)
        assert not talk.of(Interrupted)
        assert talk.said.strip() == ANSWER
        assert len(talk.of(ReplyBegan)) == 1


def room(talk: Talk, seconds: float, *, gain: float, voice: float = 0.0) -> Audio:
    """What the microphone hears of the loudspeaker, which plays at `LOUD`, and of a voice on top."""
    echo = np.frombuffer(tone(seconds, level=round(LOUD * gain), hz=310.0).pcm, dtype="<i2").astype(np.int32)
    own = np.frombuffer(tone(seconds, level=round(LOUD * voice)).pcm, dtype="<i2").astype(np.int32) if voice else 0
    return Audio(pcm=np.clip(echo + own, -32_768, 32_767).astype("<i2").tobytes(), sample_rate_hz=RATE)


LOUD = 16_000


class LoudVoice:
    """A `ScriptedSynthesizer` is soft: its samples are letters. This one says the same as loud tones."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.capabilities = inner.capabilities  # pyright: ignore[reportAttributeAccessIssue]

    async def speak_stream(self, texts: object, manner: object):
        import msgspec

        async for speech in self._inner.speak_stream(texts, manner):  # pyright: ignore[reportAttributeAccessIssue]
            loud = tone(speech.seconds, sample_rate_hz=speech.sample_rate_hz, level=LOUD, hz=310.0)
            yield msgspec.structs.replace(speech, pcm=loud.pcm)


async def test_the_own_echo_at_minus_12_db_never_interrupts_over_20_replies_and_a_phrase_on_top_does() -> None:
    minus_12_db = 10 ** (-12 / 20)
    script = [*[Heard(text=QUESTION)] * 21, Heard(text="Wait a second.")]
    async with talking(script, lambda _: ANSWER, options=OPTIONS) as talk:
        loud = LoudVoice(ScriptedSynthesizer(timer=talk.timer, first_seconds=0.3))
        talk.conversation._replying._ears = msgspec.structs.replace(talk.ears, synthesizer=loud)
        for n in range(21):
            await talk.speak(1.0)
            await talk.pause(1.2)
            assert talk.conversation.state is State.SPEAKING
            if n == 20:
                break
            while talk.conversation.state is State.SPEAKING:
                await talk.hear(room(talk, 0.4, gain=minus_12_db))
            await talk.pause(0.4)
        assert not talk.of(Interrupted)
        assert len(talk.of(ReplyEnded)) == 20
        await talk.hear(room(talk, 4.0, gain=minus_12_db))
        assert not talk.of(Interrupted)
        await talk.hear(room(talk, 0.6, gain=minus_12_db, voice=0.8))
        assert len(talk.of(Interrupted)) == 1
        await talk.pause(1.0)
        assert talk.of(Transcribed)[-1].text == "Wait a second."


async def test_the_interrupting_sentence_is_transcribed_whole_with_half_a_second_before_it() -> None:
    async with talking([QUESTION, "No, the other one."], [ANSWER, "Six months."], options=OPTIONS) as talk:
        await asked(talk, until=5.0)
        await talk.speak(1.2, level=9_000)
        await talk.pause(1.0)
        heard = talk.ears.transcriber.heard[1]  # pyright: ignore[reportAttributeAccessIssue]
        samples = array.array("h", heard.pcm)
        first_loud = next(n for n, sample in enumerate(samples) if abs(sample) > 500)
        assert first_loud / RATE == pytest.approx(0.5, abs=0.06)
        assert (len(samples) - first_loud) / RATE >= 1.19
        assert talk.of(Transcribed)[1].text == "No, the other one."


async def test_the_history_has_the_words_that_were_played_and_no_more() -> None:
    for played in (0.7, 1.9, 3.3, 4.6):
        async with talking([QUESTION], [ANSWER], options=OPTIONS) as talk:
            await asked(talk, until=1.1)
            started = talk.at(ReplyAudio)
            await talk.pause(played)
            spoken_seconds = talk.timer.seconds() - started
            talk.conversation.cancel()
            await talk.timer.advance(0.1)
            [turn] = talk.answers.history
            words = len(ANSWER[: round(spoken_seconds / 0.06)].split())
            assert turn.heard is not None
            assert turn.heard.interrupted
            assert abs(len(turn.spoken.split()) - words) <= 1
            assert turn.heard.audio_ms == pytest.approx(spoken_seconds * 1000, abs=40)
            assert turn.heard.full.startswith(turn.spoken)


async def test_without_times_from_the_vendor_the_words_are_estimated() -> None:
    async with talking([QUESTION], [ANSWER], options=OPTIONS, times=False) as talk:
        await asked(talk, until=1.1)
        started = talk.at(ReplyAudio)
        await talk.pause(2.5)
        spoken_seconds = talk.timer.seconds() - started
        talk.conversation.cancel()
        await talk.timer.advance(0.1)
        words = len(ANSWER[: round(spoken_seconds / 0.06)].split())
        assert abs(len(talk.answers.history[0].spoken.split()) - words) <= 1


async def test_what_the_client_says_that_it_has_played_counts_and_is_clamped() -> None:
    async with talking([QUESTION], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=4.0)
        assert talk.conversation.truncate(1, 1.2) == 1_200
        await talk.timer.advance(0.1)
        assert talk.answers.history[0].spoken == ANSWER[:20].rsplit(" ", 1)[0]
        sent = sum(len(event.pcm) for event in talk.of(ReplyAudio)) / 2 / 24_000
        assert (
            talk.conversation.truncate(1, 999.0) <= round(sent * 1000) + 300
        )  # beyond the audio: all of what was sent
        with pytest.raises(NotFound):
            talk.conversation.truncate(7, 1.0)


async def test_a_played_position_replaces_the_estimate() -> None:
    async with talking([QUESTION], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=4.0)
        talk.conversation.played(1, 0.6)
        talk.conversation.cancel()
        await talk.timer.advance(0.1)
        assert talk.answers.history[0].heard is not None
        assert talk.answers.history[0].heard.audio_ms == 600


async def test_stop_is_no_question_and_go_on_continues_from_the_cut() -> None:
    async with talking([QUESTION, "Stop.", "Please go on."], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=3.0)
        await talk.speak(0.5)
        await talk.pause(1.0)
        heard = talk.of(Interrupted)[0].heard.spoken
        assert talk.answers.history[0].spoken == heard
        assert 0 < len(heard) < len(ANSWER)
        talk.told.clear()
        await talk.speak(0.8)
        await talk.pause(12.0)
        assert f"{heard} {talk.said}".split() == ANSWER.split()
        assert [question for question, _ in talk.answers.asked] == [QUESTION]


async def test_go_on_says_what_was_not_heard() -> None:
    async with talking([QUESTION, "go on"], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=3.0)
        talk.conversation.cancel()
        await talk.pause(0.2)
        heard = talk.answers.history[0].spoken
        talk.told.clear()
        await talk.speak(0.8)
        await talk.pause(12.0)
        assert talk.of(ReplyBegan)[0].resumes
        assert f"{heard} {talk.said}".split() == ANSWER.split()
        assert [question for question, _ in talk.answers.asked] == [QUESTION]
        assert talk.answers.history[0].spoken == ANSWER  # now all of it was heard


async def test_an_interruption_during_retrieval_goes_on_with_the_question() -> None:
    slow = Written(chunks=("Thirteen months.",), retrieval_seconds=3.0)
    script = [QUESTION, "For the pump, I mean."]
    async with talking(script, [slow, "Two years."], options=OPTIONS) as talk:
        await asked(talk, until=1.0)
        await talk.speak(0.8)
        await talk.pause(3.0)
        assert talk.answers.asked[-1][0] == f"{QUESTION} For the pump, I mean."
        assert talk.said.strip() == "Two years."
        assert [turn.text for turn in talk.answers.history] == ["Two years."]  # the half question left no trace
        assert talk.answers.closed == 1


async def test_an_interruption_before_the_first_token_closes_the_models_call() -> None:
    slow = Written(chunks=("Thirteen months.",), first_seconds=3.0)
    async with talking([QUESTION, "And the pump?"], [slow, "Two years."], options=OPTIONS) as talk:
        await asked(talk, until=1.0)
        assert talk.answers.active == 1
        await talk.speak(0.8)
        await talk.pause(1.0)
        assert talk.answers.closed == 1
        await talk.pause(2.0)
        assert talk.said.strip() == "Two years."


async def test_a_noise_while_the_assistant_thinks_loses_nothing() -> None:
    slow = Written(chunks=("Thirteen months.",), first_seconds=1.0)
    async with talking([QUESTION, ""], [slow], options=OPTIONS) as talk:
        await asked(talk, until=0.8)
        await talk.speak(0.3)
        await talk.pause(3.0)
        assert talk.said.strip() == "Thirteen months."
        assert talk.of(ReplyEnded)[0].status == "completed"


async def test_a_cancel_stops_the_model_and_the_voice_and_is_no_error_when_nothing_is_active() -> None:
    answer = Written(chunks=("One two three. ",) * 30, chunk_seconds=0.5)
    async with talking([QUESTION], [answer], options=OPTIONS) as talk:
        assert not talk.conversation.cancel()
        await asked(talk, until=3.0)
        assert talk.conversation.cancel()
        assert not talk.conversation.cancel()
        await talk.timer.advance(0.05)
        assert (talk.answers.active, talk.answers.closed) == (0, 1)
        assert (talk.ears.synthesizer.active, talk.ears.synthesizer.closed) == (0, 1)  # pyright: ignore
        sent = len(talk.audio)
        await talk.pause(2.0)
        assert len(talk.audio) == sent
        assert talk.of(ReplyEnded)[0].status == "cancelled"
        assert talk.answers.history[0].stopped


async def test_nothing_of_a_cancelled_reply_leaves_late() -> None:
    async with talking([QUESTION], [ANSWER], options=OPTIONS) as talk:
        talk.slow = lambda event: 0.05 if isinstance(event, ReplyAudio) else 0.0
        await asked(talk, until=2.0)
        talk.conversation.cancel()
        await talk.timer.advance(0.06)  # what was being written
        talk.told.clear()
        await talk.pause(3.0)
        assert not talk.of(ReplyAudio)
        assert not talk.of(ReplyText)


async def test_typed_text_interrupts() -> None:
    async with talking([QUESTION], [ANSWER, "Hello."], options=OPTIONS) as talk:
        await asked(talk, until=3.0)
        talk.conversation.say("Say hello instead")
        await talk.timer.advance(2.0)
        assert len(talk.of(Interrupted)) == 1
        assert talk.said.endswith("Hello. ")
        with pytest.raises(InvalidRequest):
            talk.conversation.say("  ")


async def test_who_shall_not_be_interrupted_is_not() -> None:
    options = Options(turns=FixedPause(0.5), interruptible=False)
    async with talking([QUESTION], [ANSWER], options=options) as talk:
        await asked(talk, until=5.0)
        await talk.speak(1.0)
        await talk.pause(8.0)
        assert not talk.of(Interrupted)
        assert talk.said.strip() == ANSWER


async def test_200_random_interruptions_end_in_listening_with_a_constant_number_of_tasks() -> None:
    chance = random.Random(7)
    answer = Written(chunks=[f"{word} " for word in ANSWER.split()], first_seconds=0.2, chunk_seconds=0.02)
    async with talking(lambda _: "What about that?", lambda _: answer, options=OPTIONS) as talk:
        await talk.pause(0.2)
        tasks, all_tasks = talk.conversation.tasks, len(asyncio.all_tasks())
        for _ in range(200):
            kind = chance.choice(["cancel", "type", "speak"])
            talk.conversation.say("What is it?")
            await talk.timer.advance(chance.uniform(0.0, 2.5))
            if kind == "cancel":
                talk.conversation.cancel()
            elif kind == "type":
                talk.conversation.say("And this?")
                await talk.timer.advance(chance.uniform(0.0, 0.6))
                talk.conversation.cancel()
            else:
                await talk.hear(tone(0.5))
                await talk.hear(silence(0.1))
                talk.conversation.clear()
                talk.conversation.cancel()
        await talk.pause(1.5)
        talk.conversation.cancel()
        await talk.timer.advance(30.0)
        assert talk.conversation.state is State.LISTENING
        assert talk.conversation.tasks == tasks
        assert len(asyncio.all_tasks()) == all_tasks
        assert talk.answers.active == 0
        assert talk.ears.synthesizer.active == 0  # pyright: ignore


async def test_a_sentence_that_goes_on_is_one_turn() -> None:
    async with talking(["How long is the warranty", "of the pump?"], ["Two years."], options=OPTIONS) as talk:
        await talk.speak(1.0)
        await talk.pause(0.3)
        await talk.speak(0.8)
        await talk.pause(2.0)
        assert len(talk.of(SpeechStarted)) == 1
        assert talk.answers.asked == [("How long is the warranty of the pump?", False)]
