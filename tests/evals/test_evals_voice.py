"""The suite `voice` is green, and turns red for a voice that hears, waits or yields as it should not."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import pytest

from aura.voice import barge_in, turns
from aura_evals.bench.voice import bench_voice
from aura_evals.errors import BadInput
from aura_evals.hearing import measure_hearing, word_errors
from aura_evals.progress import Bars
from aura_evals.result import Case, means
from aura_evals.suite import open_suite
from aura_evals.talk import measure_barge_in, measure_latency, measure_turns, measured

SPEAKS = shutil.which("espeak-ng") or shutil.which("flite")


def short(cases: list[Case]) -> set[str]:
    """The measures that are below their floor."""
    found = {f"{system}.{name}": mean for system, each in means(cases).items() for name, mean in each.items()}
    return {name for name, mean in found.items() if mean < open_suite("voice").floors[name]}


def test_word_errors_are_counted_as_replaced_left_out_and_put_in() -> None:
    assert word_errors("How long is it?", "how long, is it") == 0
    assert word_errors("one two three four", "one too three") == 0.5
    assert word_errors("one two", "one and two") == 0.5
    assert word_errors("one", "") == 1


async def test_turns_interruptions_and_latencies_are_as_promised() -> None:
    cases = [*await measure_turns(), *await measure_barge_in(), *await measure_latency()]
    assert len(cases) >= 16
    assert short(cases) == set()


@pytest.mark.skipif(not SPEAKS or find_spec("moonshine_voice") is None, reason="no local ears, or nothing that speaks")
async def test_local_ears_hear_what_programs_say_and_no_words_of_nothing() -> None:
    cases = await measure_hearing(Bars())
    print({case.id: case.values for case in cases})
    assert short(cases) == set()


async def test_without_a_program_that_speaks_there_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match="apt-get install espeak-ng"):
        await measure_hearing(Bars())


@pytest.mark.parametrize(
    ("module", "name", "value", "broken"),
    [
        (turns, "_AFTER_UNFINISHED", 0.3, "turns.ended_in_time"),
        (barge_in, "is_backchannel", lambda said: False, "barge_in.noise_ignored"),
        (barge_in, "new_words", lambda said, playing: said.split(), "barge_in.echo_ignored"),
    ],
)
async def test_another_voice_breaks_a_floor(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: object, broken: str
) -> None:
    monkeypatch.setattr(module, name, value)
    assert broken in short([*await measure_turns(), *await measure_barge_in()])


async def test_the_stages_of_a_turn_follow_each_other() -> None:
    found, first_audio = await measured("off")
    stages = [found.retrieval, found.first_token, found.first_sentence, found.first_audio]
    assert None not in stages
    assert stages == sorted(stages, key=lambda each: each or 0.0)
    assert found.first_audio == pytest.approx(first_audio, abs=0.05)


async def test_the_benchmark_measures_every_turn_of_every_conversation() -> None:
    report = await bench_voice(2, 1)
    rows = {row.what: row for row in report.rows}
    assert rows["turns that were measured of 2"].measured == 2
    (late,) = [row for what, row in rows.items() if what.startswith("first audio")]
    assert late.against == 30.0
    assert late.measured > 0
