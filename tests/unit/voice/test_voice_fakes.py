"""The shipped fakes of speech services: they do what their script says, and take the time that their timer lets pass."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from aura.testing.clock import FixedTimer
from aura.testing.speech import (
    FixedPause,
    Heard,
    LoudnessActivity,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    collected,
    said_in,
    silence,
    texts_of,
    tone,
)
from aura.voice.ports import Audio, Hints


async def pieces_of(audio: Audio, count: int):
    size = len(audio.pcm) // count
    for n in range(count):
        yield Audio(pcm=audio.pcm[n * size : (n + 1) * size], sample_rate_hz=audio.sample_rate_hz)


async def test_time_passes_for_sleepers_alone_and_in_their_order() -> None:
    timer, woken = FixedTimer(), list[tuple[str, float]]()

    async def sleeper(name: str, seconds: float) -> None:
        await timer.sleep(seconds)
        woken.append((name, timer.seconds()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 2.0))
        group.create_task(sleeper("early", 0.5))
        await timer.advance(1.0)
        assert woken == [("early", 0.5)]
        assert timer.seconds() == 1.0
        await timer.advance(1.0)
    assert woken[1:] == [("late", 2.0)]


async def test_a_timer_finishes_what_sleeps_and_refuses_what_never_ends() -> None:
    timer = FixedTimer()
    assert await timer.finish(asyncio.wait_for(timer.sleep(3.0), 60)) is None
    assert timer.seconds() == 3.0
    with pytest.raises(AssertionError, match="has not ended"):
        await timer.finish(asyncio.Event().wait())


async def test_a_transcriber_hears_its_script_after_its_delay() -> None:
    timer = FixedTimer()
    ears = ScriptedTranscriber(
        ["one", Heard(text="two", confidence=0.4, language="en")], timer=timer, delay_seconds=0.1
    )
    first = await timer.finish(ears.transcribe(tone(1.0), Hints(language="de")))
    second = await timer.finish(ears.transcribe(silence(0.5)))
    assert (first.text, first.audio_seconds, first.final) == ("one", 1.0, True)
    assert (second.text, second.confidence, second.language) == ("two", 0.4, "en")
    assert timer.seconds() == pytest.approx(0.2)
    assert ears.hints[0].language == "de"
    with pytest.raises(AssertionError, match="fewer replies"):
        await ears.transcribe(tone(1.0))


async def test_a_transcriber_tells_what_it_hears_as_the_audio_comes() -> None:
    ears = ScriptedTranscriber([Heard(text="one two", partials=[(0.5, "one"), (1.0, "one two")])])
    found = [(each.text, each.final) async for each in ears.stream(pieces_of(tone(1.0), 4))]
    assert found == [("one", False), ("one two", False), ("one two", True)]
    assert ears.heard[0].seconds == 1.0


async def test_a_synthesizer_tells_when_each_character_is_heard() -> None:
    timer = FixedTimer()
    mouth = ScriptedSynthesizer(timer=timer, first_seconds=0.3)
    speech = await timer.finish(collected(mouth.speak_stream(texts_of("Hello. ", "Go on."))))
    spans = [span for piece in speech for span in piece.spans]
    pcm = b"".join(piece.pcm for piece in speech)
    assert said_in(pcm) == "Hello. Go on." == mouth.spoken[0]
    assert [(span.start, round(span.start_seconds, 6)) for span in spans] == [
        (n, round(n * 0.06, 6)) for n in range(13)
    ]
    assert timer.seconds() == pytest.approx(0.6)
    assert (mouth.finished, mouth.closed, mouth.active) == (1, 0, 0)


async def test_a_synthesizer_knows_that_it_was_closed_and_what_it_had_said() -> None:
    mouth = ScriptedSynthesizer()
    async with aclosing(mouth.speak("A long sentence.")) as speech:
        async for _ in speech:
            break
    assert (mouth.finished, mouth.closed, mouth.active) == (0, 1, 0)
    assert mouth.spoken == ["A lo"]


async def test_a_synthesizer_fails_where_it_is_told_to() -> None:
    mouth = ScriptedSynthesizer(error=ConnectionError("gone"), fails_after=2)
    with pytest.raises(ConnectionError):
        await collected(mouth.speak("A long sentence."))
    assert (
        said_in(b"".join(piece.pcm for piece in await collected(ScriptedSynthesizer().speak("A long ")))) == "A long "
    )
    assert mouth.spoken == ["A long s"]


async def test_what_is_loud_is_speech() -> None:
    detector = LoudnessActivity().detector()
    heard = detector.feed(silence(0.1).pcm) + detector.feed(tone(0.1).pcm)
    assert heard == (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
    assert await FixedPause(0.5).pause_seconds("and then") == 0.5
