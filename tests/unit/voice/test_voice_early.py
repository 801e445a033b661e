"""What is begun before a turn has ended, what is known when a conversation is resumed, and what the stages of a turn are."""

from __future__ import annotations

from uuid import uuid4

import pytest
from talk_support import Talk, talking

from aura.answering.ahead import same_words
from aura.answering.events import Answer, Timings
from aura.errors import BackendError
from aura.testing.speech import FixedPause, Heard
from aura.testing.voice import ScriptedAnswer, Written
from aura.voice.answers import CutOff
from aura.voice.events import ReplyAudio, ReplyBegan, ReplyText, TurnMeasured
from aura.voice.guessing import MOST_PREFETCHES
from aura.voice.options import Options
from aura.voice.playback import Heard as Known

OPTIONS = Options(turns=FixedPause(0.6))
ANSWER = Written(chunks=("Thirteen months.",), retrieval_seconds=0.4)
QUESTION = "how long is the warranty"


def test_the_same_words_agree_however_they_are_written() -> None:
    assert same_words("How long is the warranty?", "how long, is the Warranty")
    assert not same_words("How long is the warranty?", "How long is the warranty of it?")


async def test_the_documents_are_searched_while_the_silence_is_waited_for() -> None:
    waits = {}
    for prefetches in (True, False):
        options = Options(turns=FixedPause(0.6), prefetches=prefetches)
        async with talking([f"{QUESTION}?"], [ANSWER], options=options, first_seconds=0.0) as talk:
            await talk.speak(0.96)
            ended = talk.timer.seconds()
            await talk.pause(2.5)
            waits[prefetches] = talk.at(ReplyAudio) - ended
            assert talk.answers.prefetched == ([f"{QUESTION}?"] if prefetches else [])
            assert talk.answers.dropped == []
    assert waits[False] - waits[True] == pytest.approx(0.4, abs=0.05)


async def test_a_search_begins_on_what_is_understood_as_soon_as_that_stands_still_and_is_used_if_the_final_agrees() -> (
    None
):
    heard = Heard(text="How long is the warranty?", partials=((0.6, "how long"), (0.9, QUESTION)))
    async with talking([heard], [ANSWER], options=OPTIONS) as talk:
        await talk.speak(1.6)
        assert talk.answers.prefetched == ["how long", QUESTION]  # it stood still, and it went on
        await talk.pause(2.5)
        assert talk.answers.prefetched == ["how long", QUESTION]
        assert talk.answers.dropped == ["how long"]
        measured = talk.of(TurnMeasured)[0]
        assert (measured.prefetched, measured.prefetch_used) == (2, True)


async def test_a_search_for_other_words_is_dropped_and_counted() -> None:
    heard = Heard(text="How long is the guarantee?", partials=((0.9, QUESTION),), delay_seconds=0.9)
    async with talking([heard], [ANSWER], options=OPTIONS) as talk:
        await talk.speak(1.6)
        await talk.pause(0.2)
        assert talk.answers.prefetched == [QUESTION]
        await talk.pause(3.0)
        assert QUESTION in talk.answers.dropped
        assert talk.answers.asked == [("How long is the guarantee?", False)]


async def test_searches_of_one_turn_are_capped() -> None:
    partials = tuple((0.5 * n, " ".join(QUESTION.split()[:n])) for n in range(1, 6))
    heard = Heard(text="How long is the warranty of it?", partials=partials)
    async with talking([heard], [ANSWER], options=OPTIONS) as talk:
        await talk.speak(3.5)
        await talk.pause(3.0)
        assert len(talk.answers.prefetched) == MOST_PREFETCHES
        assert talk.of(TurnMeasured)[0].prefetch_used is False
        assert sorted(talk.answers.dropped) == sorted(talk.answers.prefetched)


async def test_a_speculative_answer_is_made_of_what_was_searched_for() -> None:
    options = Options(turns=FixedPause(0.6), speculation="answer")
    heard = Heard(text=f"{QUESTION}?", partials=((0.9, QUESTION),))
    async with talking([heard], [ANSWER], options=options) as talk:
        await talk.speak(1.6)
        await talk.pause(2.5)
        assert talk.answers.prefetched == [QUESTION]
        assert talk.answers.asked == [(f"{QUESTION}?", True)]
        measured = talk.of(TurnMeasured)[0]
        assert (measured.speculated, measured.prefetch_used) == (1, True)


async def test_a_turn_that_is_dropped_leaves_no_search_behind() -> None:
    heard = Heard(text="never", partials=((0.3, QUESTION),))
    async with talking([heard], ["Fine."], options=OPTIONS) as talk:
        await talk.speak(1.0)
        talk.conversation.say("Something else")
        await talk.pause(1.0)
        assert talk.answers.dropped == [QUESTION]


async def test_the_client_buffer_is_how_long_the_first_audio_waited_there() -> None:
    recorded = list[TurnMeasured]()

    async def record(measured: TurnMeasured) -> None:
        recorded.append(measured)

    async with talking(["How long?"], ["It lasts thirteen months."], options=OPTIONS) as talk:
        talk.conversation._replying._record = record
        await talk.speak(1.0)
        await talk.pause(1.3)
        first = talk.at(ReplyAudio)
        talk.conversation.played(1, talk.timer.seconds() - first - 0.2)
        await talk.pause(4.0)
        assert recorded[0].client_buffer == pytest.approx(0.2, abs=0.03)
        assert (recorded[0].interrupted, len(recorded)) == (False, 1)
        assert recorded[0].first_audio == talk.of(TurnMeasured)[0].first_audio


async def test_stages_of_an_interrupted_turn_are_kept_and_a_failure_to_keep_them_is_nobodys_fault() -> None:
    recorded = list[TurnMeasured]()

    async def record(measured: TurnMeasured) -> None:
        recorded.append(measured)
        raise BackendError("the table is away")

    async with talking(["How long?"], ["It lasts thirteen months."], options=OPTIONS) as talk:
        talk.conversation._replying._record = record
        await talk.speak(1.0)
        await talk.pause(1.5)
        talk.conversation.cancel()
        await talk.pause(0.5)
        assert [each.interrupted for each in recorded] == [True]
        assert not [event for _, event in talk.told if type(event).__name__ == "Fault"]


def cut_before(talk: Talk, full: str, spoken: str, audio_ms: int) -> None:
    """The conversation's last answer was interrupted over another connection."""
    answer = ScriptedAnswer(talk.answers, "How long?", Written(chunks=(full,)))
    whole = Answer(
        response_id=uuid4(),
        question="How long?",
        text=full,
        citations=(),
        sources=(),
        refused=False,
        model="scripted",
        cost_usd=None,
        timings=Timings(),
    )
    answer._whole = whole
    heard = Known(spoken=spoken, full=full, interrupted=True, audio_ms=audio_ms)
    talk.answers.cut = CutOff(answer=answer, whole=whole, heard=heard)


async def test_go_on_continues_from_a_cut_over_a_connection_that_was_lost() -> None:
    async with talking(["Go on."], options=OPTIONS) as talk:
        full = "It lasts thirteen months. Batteries are covered for six."
        cut_before(talk, full, "It lasts thirteen months. ", 1_500)
        kept = talk.answers.cut
        assert kept is not None
        assert isinstance(kept.answer, ScriptedAnswer)
        await kept.answer.keep()
        await talk.speak(0.6)
        await talk.pause(6.0)
        assert talk.of(ReplyBegan)[0].resumes
        assert "".join(event.text for event in talk.of(ReplyText)) == "Batteries are covered for six."
        [told] = talk.answers.history
        assert told.heard is not None
        assert (told.heard.interrupted, told.heard.spoken) == (False, full)
        assert told.heard.audio_ms == 1_500 + round(0.06 * 1000 * len("Batteries are covered for six. "))
        assert talk.of(TurnMeasured)[0].retrieval is None


async def test_go_on_is_a_question_where_nothing_was_cut_off() -> None:
    async with talking(["Go on."], ["With what?"], options=OPTIONS) as talk:
        await talk.speak(0.6)
        await talk.pause(3.0)
        assert talk.answers.asked == [("Go on.", False)]


async def test_how_much_of_the_speech_was_played_is_kept_with_every_spoken_turn() -> None:
    async with talking(["How long?", "And then?", "Go on."], ["It lasts.", "Until it ends. Then it is over."]) as talk:
        await talk.speak(1.0)
        await talk.pause(4.0)
        await talk.speak(1.0)
        await talk.pause(2.0)
        talk.conversation.cancel()
        await talk.pause(1.0)
        whole, cut = talk.answers.history
        assert whole.heard is not None
        assert (whole.heard.interrupted, whole.heard.audio_ms) == (False, 60 * len("It lasts. "))
        assert cut.heard is not None
        played = cut.heard.audio_ms
        assert cut.heard.interrupted
        assert cut.spoken == "Until it ends. Then it is over."[: len(cut.spoken)]
        await talk.speak(1.0)
        await talk.pause(6.0)
        assert cut.heard.audio_ms > played
        assert not cut.heard.interrupted
