"""First audio after the end of speech: transcription takes 0.1 s, the answer 0.3 s, synthesis 0.3 s, the endpoint 0.5 s."""

from __future__ import annotations

import pytest
from talk_support import talking

from aura.testing.speech import FixedPause
from aura.testing.voice import Written
from aura.voice.events import ReplyAudio, TurnMeasured
from aura.voice.options import Options, Speculation

SETTLED, NOTICED = 0.13, 0.03
"""After so much silence somebody is taken to have paused: without speculation, and with it."""


@pytest.mark.parametrize(("speculation", "expected"), [("off", 1.1), ("answer", 0.8), ("synthesis", 0.7)])
async def test_the_first_audio_comes_as_soon_as_its_parts_allow(speculation: Speculation, expected: float) -> None:
    options = Options(turns=FixedPause(0.5), speculation=speculation)
    answer = Written(chunks=("Thirteen months.",), first_seconds=0.3)
    async with talking(["How long is the warranty?"], [answer], options=options) as talk:
        await talk.speak(0.96)
        ended = talk.timer.seconds()
        await talk.pause(2.0)
        assert talk.at(ReplyAudio) - ended == pytest.approx(expected, abs=0.05)
        measured = talk.of(TurnMeasured)[0]
        assert measured.first_audio == pytest.approx(expected, abs=0.05)
        assert talk.said == "Thirteen months. "
        assert talk.answers.asked == [("How long is the warranty?", speculation != "off")]
        assert talk.answers.stood == 1


@pytest.mark.parametrize(
    ("endpoint", "transcript", "token", "sound"), [(0.4, 0.05, 0.2, 0.1), (0.8, 0.3, 0.6, 0.5), (0.5, 0.7, 0.1, 0.2)]
)
async def test_the_first_audio_is_the_sum_of_what_can_not_be_done_at_once(
    endpoint: float, transcript: float, token: float, sound: float
) -> None:
    due: dict[Speculation, float] = {
        "off": max(endpoint, SETTLED + transcript) + token + sound,
        "answer": max(endpoint, NOTICED + transcript + token) + sound,
        "synthesis": max(endpoint, NOTICED + transcript + token + sound),
    }
    for speculation, expected in due.items():
        answer = Written(chunks=("Thirteen months.",), first_seconds=token)
        options = Options(turns=FixedPause(endpoint), speculation=speculation)
        async with talking(
            ["How long is the warranty?"],
            [answer],
            options=options,
            transcription_seconds=transcript,
            first_seconds=sound,
        ) as talk:
            await talk.speak(0.96)
            ended = talk.timer.seconds()
            await talk.pause(endpoint + 2.5)
            assert talk.at(ReplyAudio) - ended == pytest.approx(expected, abs=0.05), speculation
            measured = talk.of(TurnMeasured)[0]
            assert measured.first_audio == pytest.approx(talk.at(ReplyAudio) - ended, abs=0.05)
            stages = [measured.transcript, measured.first_token, measured.first_audio]
            assert stages == sorted(stages, key=lambda each: each or 0.0)
