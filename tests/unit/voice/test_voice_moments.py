"""Interruptions, noises and failures at moments that are easily forgotten."""

from __future__ import annotations

import asyncio

import pytest
from talk_support import Talk, talking
from test_voice_chains import Books, broken, mouths

from aura.errors import Unavailable
from aura.testing.clock import FixedTimer
from aura.testing.speech import FixedPause, Heard, ScriptedSynthesizer
from aura.testing.voice import Written
from aura.voice.events import (
    Ducked,
    Interrupted,
    Over,
    ReplyAudio,
    ReplyBegan,
    ReplyEnded,
    ReplyText,
    SpeechStopped,
    State,
    Transcribed,
)
from aura.voice.options import Limits, Options

QUESTION = "How long is the warranty?"
ANSWER = (
    "It lasts thirteen months from the day of purchase. Batteries are covered for six months alone. Keep the receipt."
)
OPTIONS = Options(turns=FixedPause(0.5))


async def asked(talk: Talk, *, until: float = 1.5) -> None:
    """The user has asked, and the assistant speaks since a while."""
    await talk.speak(1.0)
    await talk.pause(until)


# -- before anything is heard ------------------------------------------------------------------------------------------


async def test_an_interruption_during_routing_goes_on_with_the_question() -> None:
    slow = Written(chunks=("Thirteen months.",), routing_seconds=3.0)
    script = [QUESTION, "For the pump, I mean."]
    async with talking(script, [slow, "Two years."], options=OPTIONS) as talk:
        await asked(talk, until=1.0)
        assert talk.conversation.state is State.THINKING
        assert not talk.of(ReplyBegan)
        await talk.speak(0.8)
        await talk.pause(3.0)
        assert talk.answers.asked[-1][0] == f"{QUESTION} For the pump, I mean."
        assert talk.said.strip() == "Two years."
        assert [turn.text for turn in talk.answers.history] == ["Two years."]
        assert talk.answers.active == 0


async def test_a_cancel_during_routing_leaves_nothing() -> None:
    slow = Written(chunks=("Thirteen months.",), routing_seconds=3.0)
    async with talking([QUESTION], [slow], options=OPTIONS) as talk:
        await asked(talk, until=1.0)
        assert talk.conversation.cancel()
        await talk.pause(5.0)
        assert talk.conversation.state is State.LISTENING
        assert talk.answers.history == []
        assert not talk.of(ReplyAudio)


async def test_who_speaks_on_while_a_speculative_answer_runs_leaves_no_trace_of_it() -> None:
    options = Options(turns=FixedPause(0.5), speculation="answer")
    slow = Written(chunks=("Half an answer.",), first_seconds=9.0)
    async with talking(["How long", "is the warranty?"], [slow, "A year."], options=options) as talk:
        await talk.speak(0.6)
        await talk.pause(0.3)
        assert talk.answers.active == 1
        await talk.speak(0.6)
        await talk.pause(2.5)
        assert talk.answers.closed == 1
        assert talk.said.strip() == "A year."
        assert [turn.question for turn in talk.answers.history] == ["How long is the warranty?"]
        assert [began.reply for began in talk.of(ReplyBegan)] != [1]


# -- while it is heard -------------------------------------------------------------------------------------------------


async def test_the_answer_to_an_interruption_can_be_interrupted_too() -> None:
    script = [QUESTION, "No, the pump.", "No, the battery."]
    async with talking(script, lambda question: f"{question} {ANSWER}", options=OPTIONS) as talk:
        await asked(talk, until=5.0)
        for _ in range(2):
            await talk.speak(0.8)
            await talk.pause(5.0)
        assert [len(talk.of(Interrupted)), len(talk.of(ReplyBegan))] == [2, 3]
        first, second, _third = talk.answers.history[0], talk.answers.history[1], talk.of(ReplyBegan)
        assert first.heard is not None
        assert second.heard is not None
        assert (first.question, second.question) == (QUESTION, "No, the pump.")


async def test_a_sound_that_nobody_can_understand_does_not_end_the_reply() -> None:
    script = [QUESTION, Heard(error=Unavailable("the ears are away"))]
    async with talking(script, [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=1.5)
        await talk.speak(0.2)
        await talk.pause(12.0)
        assert [duck.on for duck in talk.of(Ducked)] == [True, False]
        assert not talk.of(Interrupted)
        assert talk.said.strip() == ANSWER


async def test_who_speaks_after_the_reply_is_simply_heard() -> None:
    async with talking([QUESTION, "And the pump?"], ["A year.", "Two years."], options=OPTIONS) as talk:
        await asked(talk, until=4.0)
        await talk.speak(0.8)
        await talk.pause(3.0)
        assert not talk.of(Interrupted)
        assert not talk.of(Ducked)
        assert [question for question, _ in talk.answers.asked] == [QUESTION, "And the pump?"]


async def test_the_history_follows_a_client_that_plays_late() -> None:
    async with talking([QUESTION], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=1.1)
        for played in (0.0, 0.3, 0.6):
            talk.conversation.played(1, played)
            await talk.pause(1.0)
        talk.conversation.played(1, 0.9)
        talk.conversation.cancel()
        await talk.timer.advance(0.1)
        assert talk.answers.history[0].spoken in ("It lasts", "It lasts thirteen")  # 15 characters at 60 ms


async def test_a_position_before_the_beginning_or_of_another_reply_changes_nothing() -> None:
    async with talking([QUESTION], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=3.0)
        talk.conversation.played(9, 0.0)
        talk.conversation.played(1, -5.0)
        assert talk.conversation.truncate(1, -1.0) == 0
        await talk.timer.advance(0.1)
        assert talk.answers.history[0].spoken == ""


async def test_go_on_after_a_reply_that_was_heard_whole_is_a_question() -> None:
    async with talking([QUESTION, "Go on."], ["A year.", "That was all."], options=OPTIONS) as talk:
        await asked(talk, until=4.0)
        await talk.speak(0.6)
        await talk.pause(3.0)
        assert [question for question, _ in talk.answers.asked] == [QUESTION, "Go on."]
        assert talk.said.strip().endswith("That was all.")


async def test_where_the_client_speaks_itself_what_was_shown_is_what_was_heard() -> None:
    answer = Written(chunks=("First things first. ", "Second things never."), chunk_seconds=4.0)
    options = Options(turns=FixedPause(0.5), speaks=False)
    async with talking([QUESTION], [answer], options=options) as talk:
        await asked(talk, until=3.0)
        assert talk.conversation.cancel()
        await talk.pause(5.0)
        assert not talk.of(ReplyAudio)
        assert talk.answers.history[0].spoken.strip() == "First things first."
        assert "".join(event.text for event in talk.of(ReplyText)).strip() == "First things first."


async def test_who_leaves_in_the_middle_of_a_reply_leaves_what_they_heard() -> None:
    async with talking([QUESTION], [ANSWER], options=OPTIONS) as talk:
        await asked(talk, until=3.0)
    (turn,) = talk.answers.history
    assert turn.heard is not None
    assert turn.heard.interrupted
    assert 0 < len(turn.spoken) < len(ANSWER)
    assert talk.answers.active == 0
    assert talk.conversation.tasks == 0


# -- voices ------------------------------------------------------------------------------------------------------------


async def test_a_voice_that_dies_in_a_sentence_is_followed_by_the_next_service_from_that_sentence_on() -> None:
    timer = FixedTimer()
    dying = ScriptedSynthesizer(timer=timer, first_seconds=0.1, error=broken(), fails_after=16, model="dying")
    well = ScriptedSynthesizer(timer=timer, first_seconds=0.1, model="well")
    chain = mouths(dying, well, books=Books())
    async with talking([QUESTION], [ANSWER], options=OPTIONS, timer=timer, synthesizer=chain) as talk:
        await asked(talk, until=14.0)
        _, second, third = ANSWER.replace(". ", ".|").split("|")
        assert dying.spoken == [ANSWER[:63]]  # "… Batteries ar"
        assert well.spoken == [f"{second} {third} "]
        assert talk.said == dying.spoken[0] + well.spoken[0]
        assert talk.of(ReplyEnded)[0].status == "completed"
        assert "".join(event.text for event in talk.of(ReplyText)) == ANSWER


async def test_a_voice_that_dies_before_its_first_sound_is_not_noticed() -> None:
    timer = FixedTimer()
    dead = ScriptedSynthesizer(timer=timer, error=broken(), model="dead")
    chain = mouths(dead, ScriptedSynthesizer(timer=timer, model="well"), books=Books())
    async with talking([QUESTION], [ANSWER], options=OPTIONS, timer=timer, synthesizer=chain) as talk:
        await asked(talk, until=12.0)
        assert talk.said.strip() == ANSWER


async def test_a_voice_slower_than_it_is_heard_loses_nothing() -> None:
    timer = FixedTimer()
    slow = ScriptedSynthesizer(timer=timer, first_seconds=4.0)
    async with talking([QUESTION], [ANSWER], options=OPTIONS, timer=timer, synthesizer=slow) as talk:
        await asked(talk, until=25.0)
        assert talk.said.strip() == ANSWER
        assert talk.conversation.state is State.LISTENING


async def test_an_answer_without_a_word_ends() -> None:
    async with talking([QUESTION], [Written(chunks=())], options=OPTIONS) as talk:
        await asked(talk, until=2.0)
        assert talk.of(ReplyEnded)[0].status == "completed"
        assert talk.conversation.state is State.LISTENING
        assert talk.audio == b""


# -- time --------------------------------------------------------------------------------------------------------------


async def test_words_that_turn_out_to_be_none_are_no_question() -> None:
    async with talking([Heard(text="", partials=[(0.6, "thank you")])], [], options=OPTIONS) as talk:
        await asked(talk)
        assert talk.of(Transcribed)[0].text == ""
        assert talk.answers.asked == []


async def test_who_never_stops_is_cut_where_a_turn_is_longest() -> None:
    limits = Limits(longest_turn_seconds=3.0)
    async with talking(["a very long story", "and more"], lambda _: "Yes.", options=OPTIONS, limits=limits) as talk:
        await talk.speak(4.0)
        assert talk.of(SpeechStopped)
        assert talk.ears.transcriber.heard[0].seconds == pytest.approx(3.0, abs=0.1)  # pyright: ignore


async def test_an_assistant_that_speaks_for_long_is_not_idle() -> None:
    limits = Limits(idle_seconds=5.0)
    async with talking([QUESTION], ["word " * 60], options=OPTIONS, limits=limits) as talk:
        await asked(talk, until=15.0)
        assert not talk.of(Over)
        await talk.timer.advance(30.0)
        assert [event.reason for event in talk.of(Over)] == ["idle"]


async def test_low_confidence_is_told() -> None:
    async with talking([Heard(text="How long?", confidence=0.31)], ["A year."], options=OPTIONS) as talk:
        await asked(talk)
        assert talk.of(Transcribed)[0].confidence == 0.31


# -- several at once ---------------------------------------------------------------------------------------------------


async def test_two_conversations_at_once_share_nothing() -> None:
    timer = FixedTimer()
    async with (
        talking(["about tents"], ["Tents are dry."], options=OPTIONS, timer=timer) as one,
        talking(["about pumps"], ["Pumps are wet."], options=OPTIONS, timer=timer) as other,
    ):
        await asyncio.gather(one.speak(1.0), other.speak(0.6))
        other.conversation.cancel()
        await timer.advance(0.0)
        for talk in (one, other):
            await talk.pause(3.0)
        assert (one.said.strip(), other.said.strip()) == ("Tents are dry.", "Pumps are wet.")
        assert [turn.question for turn in one.answers.history] == ["about tents"]
        assert [turn.question for turn in other.answers.history] == ["about pumps"]
        one.conversation.cancel()
        assert not other.of(Interrupted)


async def test_twenty_conversations_at_once_each_hear_their_own_answer() -> None:
    timer = FixedTimer()
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Barrier(21)
        done = asyncio.Event()

        async def one(n: int) -> tuple[str, int]:
            async with talking([], lambda question: f"You said {question}.", timer=timer) as talk:
                talk.conversation.say("x" * (n + 1))
                await ready.wait()
                await done.wait()
            return talk.said.strip(), talk.conversation.tasks

        talks = [group.create_task(one(n)) for n in range(20)]
        await ready.wait()
        await timer.advance(5.0)
        done.set()
    assert [talk.result() for talk in talks] == [(f"You said {'x' * (n + 1)}.", 0) for n in range(20)]
