"""First audio after the end of speech: transcription takes 0.1 s, the answer 0.3 s, synthesis 0.3 s, the endpoint 0.5 s."""

from __future__ import annotations

import pytest
from talk_support import talking

from aura.testing.speech import FixedPause
from aura.testing.voice import Written
from aura.voice.events import ReplyAudio, TurnMeasured
from aura.voice.options import Options, Speculation


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
