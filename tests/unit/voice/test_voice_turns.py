"""When a turn has ended, what is no turn, and what asks for no answer."""

from __future__ import annotations

import pytest
from talk_support import talking

from aura.errors import InvalidRequest, Unavailable
from aura.testing.speech import FixedPause, Heard, LoudnessActivity, silence, tone
from aura.voice.conversation import Conversation
from aura.voice.ear import Change, Ear
from aura.voice.events import Committed, NotTranscribed, Partly, ReplyAudio, SpeechStarted, SpeechStopped, Transcribed
from aura.voice.options import Options
from aura.voice.turns import (
    LONGEST_PAUSE_SECONDS,
    TurnRules,
    asks_to_go_on,
    asks_to_stop,
    is_backchannel,
    new_words,
    pause_seconds,
)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("How long is the warranty?", 0.35),
        ("Das ist alles.", 0.35),
        ("how long is the warranty", 0.6),
        ("I need a pump and", 1.2),
        ("Ich brauche eine Pumpe und", 1.2),
        ("it is for the", 1.2),
        ("well um", 1.2),
        ("my number is 555", 1.2),
        ("it costs twenty", 1.2),
        ("let me think…", 1.2),
        ("the first,", 1.2),
        ("", 0.6),
    ],
)
def test_the_last_words_say_how_long_to_wait(said: str, seconds: float) -> None:
    assert pause_seconds(said) == seconds


async def test_patience_stretches_the_rules() -> None:
    assert await TurnRules(1.5).pause_seconds("and") == pytest.approx(1.8)


@pytest.mark.parametrize("said", ["Go on.", "please continue", "Ja, mach weiter", "weiter bitte"])
def test_go_on_is_understood(said: str) -> None:
    assert asks_to_go_on(said)


@pytest.mark.parametrize("said", ["go on holiday", "how do I continue?", "", "weiter oben steht es"])
def test_other_words_are_no_go_on(said: str) -> None:
    assert not asks_to_go_on(said)


def test_stop_is_a_command_alone() -> None:
    assert asks_to_stop("Okay, stop.")
    assert asks_to_stop("Hör auf!")
    assert not asks_to_stop("stop the pump")


def test_who_shows_that_they_listen_says_nothing() -> None:
    assert is_backchannel("Mm-hm.")
    assert is_backchannel("")
    assert not is_backchannel("no wait")


def test_words_of_the_reply_are_an_echo() -> None:
    assert new_words("thirteen months", "It lasts thirteen months.") == []
    assert new_words("thirteen what", "It lasts thirteen months.") == ["what"]


class Endless:
    """A `TurnDetector` that never thinks that somebody has ended."""

    async def pause_seconds(self, said: str, *, language: str | None = None) -> float:
        return 60.0


async def test_no_detector_waits_longer_than_the_cap() -> None:
    async with talking(["well"], ["Yes."], options=Options(turns=Endless())) as talk:
        await talk.speak(0.96)
        ended = talk.timer.seconds()
        await talk.pause(4.0)
        assert talk.at(SpeechStopped) - ended == pytest.approx(LONGEST_PAUSE_SECONDS, abs=0.06)


async def test_a_conjunction_gets_the_time_to_go_on_and_a_sentence_does_not() -> None:
    for said, seconds in (("A pump and", 1.2), ("A pump.", 0.35)):
        async with talking([said], ["Yes."]) as talk:
            await talk.speak(0.96)
            ended = talk.timer.seconds()
            await talk.pause(2.0)
            assert talk.at(SpeechStopped) - ended == pytest.approx(seconds, abs=0.06)


async def test_noise_in_which_nobody_speaks_is_no_question() -> None:
    async with talking([""], [], options=Options(turns=FixedPause(0.5))) as talk:
        await talk.speak(1.0)
        await talk.pause(2.0)
        assert talk.of(Transcribed)[0].text == ""
        assert talk.answers.asked == []


async def test_a_transcription_that_fails_is_told_and_the_next_turn_works() -> None:
    script = [Heard(error=Unavailable("the ears are away")), "Hello?"]
    async with talking(script, ["Yes."], options=Options(turns=FixedPause(0.5))) as talk:
        await talk.speak(1.0)
        await talk.pause(1.5)
        assert talk.of(NotTranscribed)[0].kind == "Unavailable"
        await talk.speak(1.0)
        await talk.pause(1.5)
        assert talk.said.strip() == "Yes."


async def test_what_is_understood_is_told_while_it_is_said() -> None:
    script = [Heard(text="how long is it", partials=[(0.5, "how long"), (0.9, "how long is")])]
    async with talking(script, ["Long."]) as talk:
        await talk.speak(1.0)
        await talk.pause(1.5)
        assert [event.text for event in talk.of(Partly)] == ["how long", "how long is"]


async def test_a_client_that_commits_itself_is_answered_when_it_asks() -> None:
    options = Options(listens=False, answers=False)
    async with talking(["Hello?"], ["Yes."], options=options) as talk:
        with pytest.raises(InvalidRequest):
            talk.conversation.commit()
        await talk.speak(1.0)
        talk.conversation.commit()
        talk.conversation.respond()
        await talk.timer.advance(2.0)
        assert len(talk.of(Committed)) == 1
        assert not talk.of(SpeechStarted)
        assert talk.said.strip() == "Yes."
        talk.conversation.respond()
        await talk.timer.advance(0.1)
        assert talk.answers.asked == [("Hello?", False)]


async def test_a_speculative_answer_to_half_a_sentence_is_thrown_away_and_capped() -> None:
    options = Options(turns=FixedPause(0.5), speculation="answer", most_speculations=2)
    heard = ["How long", "is the warranty", "of the pump?"]
    async with talking(heard, lambda question: f"About {question}", options=options) as talk:
        for seconds in (0.6, 0.6, 0.6):
            await talk.speak(seconds)
            await talk.pause(0.3)
        await talk.pause(2.0)
        assert talk.answers.asked == [
            ("How long", True),
            ("How long is the warranty", True),
            ("How long is the warranty of the pump?", False),
        ]
        assert [turn.question for turn in talk.answers.history] == ["How long is the warranty of the pump?"]
        assert talk.answers.stood == 1
        assert talk.answers.active == 0


async def test_a_speculative_answer_is_used_only_if_the_final_words_agree() -> None:
    options = Options(turns=FixedPause(0.5), speculation="synthesis")
    async with talking(["How long"], ["Thirteen months."], options=options) as talk:
        await talk.speak(0.6)
        await talk.pause(2.0)
        assert talk.answers.asked == [("How long", True)]
        assert talk.said.strip() == "Thirteen months."
        assert len(talk.of(ReplyAudio)) > 0


def test_an_ear_keeps_half_a_second_before_somebody_speaks_and_odd_bytes() -> None:
    ear = Ear(LoudnessActivity())
    pcm = silence(2.0).pcm + tone(1.0).pcm + silence(0.5).pcm
    noticed = [each for at in range(0, len(pcm), 641) for each in ear.feed(pcm[at : at + 641])]
    assert [each.change for each in noticed] == [Change.BEGAN, Change.PAUSED]
    assert noticed[0].seconds == pytest.approx(2.0, abs=0.04)
    said = ear.take()
    assert said.seconds == pytest.approx(0.5 + 1.0 + 0.5, abs=0.15)
    assert ear.said().samples == 0


def test_a_click_is_nobody() -> None:
    ear = Ear(LoudnessActivity())
    assert ear.feed(silence(1.0).pcm + tone(0.02).pcm + silence(1.0).pcm) == []


async def test_a_conversation_can_be_left_at_any_moment() -> None:
    for seconds in (0.0, 0.5, 1.2, 1.6, 2.5):
        async with talking(["Hello?"], ["One two three four five."], options=Options(turns=FixedPause(0.5))) as talk:
            await talk.speak(1.0)
            await talk.pause(seconds)
        assert talk.conversation.tasks == 0
        assert isinstance(talk.conversation, Conversation)
