"""Turns, interruptions and latencies of a conversation by voice, on fakes and a clock that stands still: exact, and the
same in every run."""

from __future__ import annotations

from aura.testing.speech import FixedPause, Heard, tone
from aura.testing.talking import RATE, Talk, talking
from aura.testing.voice import Written
from aura.voice.events import Ducked, Interrupted, ReplyAudio, ReplyEnded, SpeechStopped, Transcribed, TurnMeasured
from aura.voice.options import Options, Speculation
from aura_evals.result import Case

_QUESTION = "How long is the warranty?"
_ANSWER = (
    "It lasts thirteen months from the day of purchase. Batteries are covered for six months alone. Keep the receipt."
)
_FIXED = Options(turns=FixedPause(0.5))
_TOLERANCE = 0.05
_BUFFER = 0.2
"""How long the client keeps what it is sent before it plays it."""
_ENDS = {"A pump.": 0.35, "a pump": 0.6, "A pump and": 1.2, "well um": 1.2, "my number is 555": 1.2}
_FIRST_AUDIO: dict[Speculation, float] = {"off": 1.1, "answer": 0.8, "synthesis": 0.7}
STAGES = ("endpoint", "transcript", "retrieval", "first_token", "first_sentence", "first_audio", "client_buffer")


async def measure_turns() -> list[Case]:
    """When a turn ends, by its last words, and that a sentence with a pause in it is one."""
    cases: list[Case] = []
    for said, seconds in _ENDS.items():
        async with talking([said], ["Yes."]) as talk:
            await talk.speak(0.96)
            ended = talk.timer.seconds()
            await talk.pause(2.0)
            late = talk.at(SpeechStopped) - ended - seconds
        cases.append(_case(f"end of {said!r}", said, {"turns.ended_in_time": abs(late) <= 0.06}))
    async with talking(["How long is it", "of the pump?"], ["A year."], options=_FIXED) as talk:
        await talk.speak(1.0)
        await talk.pause(0.3)
        await talk.speak(0.8)
        await talk.pause(2.0)
        merged = talk.answers.asked == [("How long is it of the pump?", False)]
    return [*cases, _case("a pause in a sentence", "How long is it of the pump?", {"turns.merged": merged})]


async def measure_barge_in() -> list[Case]:
    """Who interrupts, who does not, and what the history keeps."""
    cases = [await _interrupted(seconds) for seconds in (1.6, 3.0, 5.0)]
    for sound in ("Mm-hm.", "Okay.", ""):
        async with talking([_QUESTION, sound], [_ANSWER], options=_FIXED) as talk:
            await _asked(talk, 5.0)
            await talk.speak(0.2)
            await talk.pause(12.0)
            ignored = not talk.of(Interrupted) and talk.said.strip() == _ANSWER
        cases.append(_case(f"a sound: {sound!r}", sound, {"barge_in.noise_ignored": ignored}))
    async with talking([_QUESTION, "thirteen months", "months from"], [_ANSWER], options=_FIXED) as talk:
        await _asked(talk, 1.6)
        await talk.speak(0.25)
        await talk.pause(12.0)
        ignored = not talk.of(Interrupted)
    return [*cases, _case("words of the reply", "thirteen months", {"barge_in.echo_ignored": ignored})]


async def measure_latency() -> list[Case]:
    """First audio after the end of speech, and that it is the sum of its stages.

    Transcription takes 0.1 s, the first token 0.3 s, the first sound of a text 0.3 s, and a silence of 0.5 s ends a turn.
    """
    cases: list[Case] = []
    for speculation, expected in _FIRST_AUDIO.items():
        found, heard = await measured(speculation)
        right = abs(heard - expected) <= _TOLERANCE
        values = {"latency.as_promised": right}
        if speculation == "off":
            values["latency.sum_of_stages"] = _sums(found)
        stages = ", ".join(f"{stage} {getattr(found, stage)}" for stage in STAGES)
        cases.append(_case(f"first audio, speculation {speculation}", stages, values))
    return cases


async def measured(speculation: Speculation) -> tuple[TurnMeasured, float]:
    """What a turn says of its stages, and when its first sound really came, in seconds since the user was silent."""
    options = Options(turns=FixedPause(0.5), speculation=speculation)
    answer = Written(chunks=("Thirteen months.",), first_seconds=0.3)
    async with talking([_QUESTION], [answer], options=options) as talk:
        await talk.speak(0.96)
        ended = talk.timer.seconds()
        await talk.pause(1.3)
        heard = talk.at(ReplyAudio)
        talk.conversation.played(1, max(0.0, talk.timer.seconds() - heard - _BUFFER))
        await talk.pause(3.0)
        return talk.recorded[0], heard - ended


def _sums(found: TurnMeasured) -> bool:
    """Whether each stage of a turn without speculation begins where the one before it has ended."""
    endpoint, token, audio, kept = found.endpoint, found.first_token, found.first_audio, found.client_buffer
    if endpoint is None or token is None or audio is None or kept is None or abs(kept - _BUFFER) > _TOLERANCE:
        return False
    return abs(token - endpoint - 0.3) <= _TOLERANCE and abs(audio - token - 0.3) <= _TOLERANCE


async def _interrupted(after: float) -> Case:
    script = [_QUESTION, Heard(text="No, the other one.", partials=[(0.4, "No")])]
    async with talking(script, [_ANSWER, "Six months."], options=_FIXED) as talk:
        await _asked(talk, after)
        began, onset = talk.at(ReplyAudio), talk.timer.seconds()
        await talk.hear(tone(0.8))
        await talk.pause(1.0)
        silent = talk.at(Ducked) - onset
        cut = next(at for at, event in talk.told if isinstance(event, Interrupted))
        played = len(_ANSWER[: round((cut - began) / 0.06)].split())
        kept = [event.text for event in talk.of(Transcribed)][-1] == "No, the other one."
        whole = talk.ears.transcriber.heard[1].seconds if len(talk.ears.transcriber.heard) > 1 else 0.0  # pyright: ignore
        ended = talk.of(ReplyEnded)[0].status == "cancelled" or talk.of(Interrupted) != []
        values = {
            "barge_in.silent_in_time": silent <= 0.2 and ended,
            "barge_in.kept_whole": kept and whole >= 0.8 + 0.4,
            "barge_in.history_right": abs(len(talk.answers.history[0].spoken.split()) - played) <= 1,
        }
    return _case(f"interrupted after {after} s", "No, the other one.", values)


async def _asked(talk: Talk, until: float) -> None:
    await talk.hear(tone(1.0, sample_rate_hz=RATE))
    await talk.pause(until)


def _case(id: str, query: str, values: dict[str, bool]) -> Case:
    numbers = {name: float(value) for name, value in values.items()}
    return Case(id=f"talk: {id}", slice=next(iter(values)).partition(".")[0], query=query, values=numbers)
