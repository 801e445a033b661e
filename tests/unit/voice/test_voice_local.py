"""The parts that need no key, for real: programs that speak, Moonshine that hears them, Silero that knows noise."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import psutil
import pytest

from aura.errors import InvalidRequest
from aura.router.faults import FaultKind
from aura.testing.speech import collected, silence, texts_of, tone
from aura.voice.adapters.programs import Espeak, Flite, Program, ProgramSynthesizer, Wave
from aura.voice.audio.files import Limits, decoded, wav
from aura.voice.errors import PartMissing, SpeechFault
from aura.voice.ports import Audio, Manner, Speech

pytest.importorskip("moonshine_voice", reason="the extra `voice` is not installed")
from aura.voice.adapters.moonshine import Moonshine
from aura.voice.adapters.silero import Silero

SAID = "How long do customers have to return a product?"
PROGRAMS = [Espeak(), Flite()]


def needs(program: Program) -> pytest.MarkDecorator:
    missing = shutil.which(program.name) is None
    return pytest.mark.skipif(missing, reason=f"{program.name} is not installed")


SPEAKING = [pytest.param(program, marks=needs(program), id=program.name) for program in PROGRAMS]


@pytest.fixture(scope="module")
async def ears() -> AsyncIterator[Moonshine]:
    ears = Moonshine(Silero())
    yield ears
    await ears.close()


def seconds(pieces: list[Speech]) -> float:
    return sum(piece.seconds for piece in pieces)


def noise(level: int, length: float = 2.0) -> Audio:
    samples = np.random.default_rng(1).normal(0, level, round(16_000 * length))
    return Audio(pcm=samples.clip(-32_768, 32_767).astype("<i2").tobytes(), sample_rate_hz=16_000)


# -- speaking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", SPEAKING)
async def test_a_program_speaks_and_faster_is_shorter(program: Program) -> None:
    mouth = ProgramSynthesizer(program)
    plain = await collected(mouth.speak(SAID))
    quick = await collected(mouth.speak(SAID, Manner(speed=1.6)))
    assert 1.5 < seconds(plain) < 6
    assert seconds(quick) < 0.8 * seconds(plain)
    assert max(abs(np.frombuffer(plain[0].pcm, "<i2").astype(int))) > 100


@pytest.mark.parametrize("program", SPEAKING)
async def test_texts_are_spoken_one_after_the_other_and_marks_alone_are_not(program: Program) -> None:
    mouth = ProgramSynthesizer(program)
    assert await collected(mouth.speak(" … ")) == []
    one = seconds(await collected(mouth.speak("One.")))
    assert seconds(await collected(mouth.speak_stream(texts_of("One.", "\n", "One.")))) == pytest.approx(
        2 * one, rel=0.1
    )


@pytest.mark.parametrize("program", SPEAKING)
async def test_its_voices_can_be_asked_for_and_no_others(program: Program) -> None:
    mouth = ProgramSynthesizer(program)
    voice = next(voice for voice in await mouth.voices() if voice.language.startswith("en"))
    assert await collected(mouth.speak("Hello.", Manner(voice_id=voice.voice_id)))
    for strange in ("nobody", "--path=/etc", ""):
        with pytest.raises(InvalidRequest) as refusal:
            await collected(mouth.speak("Hello.", Manner(voice_id=strange)))
        assert refusal.value.field == "voice_id"


@pytest.mark.parametrize("program", SPEAKING)
async def test_a_text_is_never_a_word_of_the_command(program: Program, tmp_path: Path) -> None:
    target = tmp_path / "written.wav"
    assert await collected(ProgramSynthesizer(program).speak(f"-o {target} -w {target} --stdout $(touch {target})"))
    assert not target.exists()


@pytest.mark.parametrize("program", [pytest.param(Espeak(), marks=needs(Espeak()))])
async def test_a_language_has_its_own_voice_and_one_that_is_not_known_the_programs(program: Espeak) -> None:
    mouth = ProgramSynthesizer(program)
    german, english, strange = [
        b"".join(piece.pcm for piece in await collected(mouth.speak("Guten Tag.", Manner(language=language))))
        for language in ("de", "en", "xx")
    ]
    assert german != english == strange


@pytest.mark.parametrize("program", [pytest.param(Espeak(), marks=needs(Espeak()))])
async def test_who_stops_listening_ends_the_program_and_leaves_no_file(
    program: Espeak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mouth = ProgramSynthesizer(program)
    async with aclosing(mouth.speak(SAID * 200)) as speech:
        async for _ in speech:
            break
    assert os.listdir(tmp_path) == []


class Endless(Espeak):
    """A program that goes on for ever, and says in a file when nobody has read for a while what it has written."""

    name = "sh"

    def __init__(self, folder: Path) -> None:
        self.full = folder / "full"
        (folder / "head").write_bytes(wav([tone(0.1)]))
        self._script = f"cat {folder / 'head'}; head -c 196608 /dev/zero; touch {self.full}; exec cat /dev/zero"

    def command(self, path: str, text_file: Path, speech_file: Path, manner: Manner) -> list[str]:
        return [path, "-c", self._script]


async def test_a_program_whose_speech_waits_unread_is_ended_by_who_stops_listening(tmp_path: Path) -> None:
    program = Endless(tmp_path)
    async with asyncio.timeout(60):
        async with aclosing(ProgramSynthesizer(program).speak(SAID)) as speech:
            await anext(speech)
            while not program.full.exists():  # noqa: ASYNC110  # another process's
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)  # until its reader is full, too
    assert program.full.exists()


class Brief(Espeak):
    """A program that has ended before its reader has read what it wrote."""

    name = "sh"

    def __init__(self, folder: Path) -> None:
        (folder / "head").write_bytes(wav([tone(0.1)]))
        self._script = f"cat {folder / 'head'}; head -c 180000 /dev/zero"

    def command(self, path: str, text_file: Path, speech_file: Path, manner: Manner) -> list[str]:
        return [path, "-c", self._script]


async def test_a_program_that_ended_before_its_reader_leaves_no_pipe_open(tmp_path: Path) -> None:
    me = psutil.Process()
    async with asyncio.timeout(60):
        await collected(ProgramSynthesizer(Brief(tmp_path)).speak(SAID))  # whatever is opened once is open
        before, children = me.num_fds(), len(me.children())
        async with aclosing(ProgramSynthesizer(Brief(tmp_path)).speak(SAID)) as speech:
            await anext(speech)
            while len(me.children()) > children:  # noqa: ASYNC110  # until it has been waited for
                await asyncio.sleep(0.01)
        while me.num_fds() > before:  # noqa: ASYNC110  # what is closed is closed by the loop
            await asyncio.sleep(0.01)


def test_a_program_that_is_missing_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PartMissing, match="apt-get install flite") as missing:
        ProgramSynthesizer(Flite())
    assert missing.value.part == "text to speech"


def test_a_wave_is_read_however_it_is_cut_and_no_other_format_is_taken() -> None:
    file = wav([Speech(pcm=tone(0.1).pcm, sample_rate_hz=16_000)])
    reader = Wave("test")
    pieces = [piece for at in range(0, len(file), 7) if (piece := reader.feed(file[at : at + 7]))]
    assert b"".join(piece.pcm for piece in pieces) == tone(0.1).pcm
    stereo = bytearray(file)
    stereo[22] = 2
    with pytest.raises(SpeechFault) as fault:
        Wave("test").feed(bytes(stereo))
    assert fault.value.fault.kind is FaultKind.BROKEN


# -- hearing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", SPEAKING)
async def test_what_a_program_says_is_heard_and_the_event_loop_goes_on_meanwhile(
    ears: Moonshine, program: Program
) -> None:
    audio = await decoded(wav(await collected(ProgramSynthesizer(program).speak(SAID))), Limits())
    await ears.transcribe(tone(0.5))  # the first call loads the model
    worst, busiest, ticks, working = 0.0, 0.0, 0, set[str]()

    async def watch() -> None:
        nonlocal worst, busiest, ticks
        while True:
            before, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.002)
            worst, ticks = max(worst, time.perf_counter() - before), ticks + 1
            busiest = max(busiest, time.thread_time() - worked)
            working.update(thread.name for thread in threading.enumerate())

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    found = await ears.transcribe(audio)
    took = time.perf_counter() - started
    watching.cancel()
    print(f"in {took:.2f} s of the model {ticks} turns of the loop, late by {1000 * worst:.0f} ms at most, of which")
    print(f"{1000 * busiest:.0f} ms were its own work; the rest is the machine's, which others use as well")
    assert any(name.startswith("aura-moonshine") for name in working)  # not in the loop's own thread,
    assert ticks >= 10  # which goes on all the while:
    assert worst < took / 2  # it shares the processor, and never waits for the whole call,
    assert busiest < 0.05  # and its own thread has no work of the model's
    words = set(re.findall(r"\w+", found.text.lower()))
    assert {"long", "customers", "return", "product"} <= words
    assert found.confidence is not None
    assert found.confidence > 0.8
    assert found.language == "en"


async def test_silence_noise_and_tones_are_nobodys_words(ears: Moonshine) -> None:
    for audio in (silence(2.0), noise(500), noise(6_000), tone(2.0), tone(0.3)):
        assert (await ears.transcribe(audio)).text == ""


@pytest.mark.parametrize("program", [pytest.param(Espeak(), marks=needs(Espeak()))])
async def test_a_stream_is_heard_at_any_rate_and_ends_with_one_final(ears: Moonshine, program: Espeak) -> None:
    pieces = await collected(ProgramSynthesizer(program).speak(SAID))

    async def microphone():
        for piece in pieces:
            yield Audio(pcm=piece.pcm, sample_rate_hz=piece.sample_rate_hz)

    found = [each async for each in ears.stream(microphone())]
    assert [each.final for each in found].count(True) == 1
    assert found[-1].final
    assert "product" in found[-1].text.lower()


async def test_a_folder_without_a_model_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(PartMissing, match="no model"):
        Moonshine(None, folder=tmp_path)


async def test_without_a_detector_what_is_loud_is_listened_to_and_silence_is_not(ears: Moonshine) -> None:
    bare = Moonshine(None)
    assert (await bare.transcribe(silence(2.0))).text == ""
    await bare.close()


def test_silero_tells_speech_from_noise_whatever_the_pieces() -> None:
    detector = Silero().detector()
    whole = detector.feed(noise(3_000).pcm)
    assert max(whole) < 0.5
    detector.reset()
    pcm = noise(3_000).pcm
    cut = tuple(value for at in range(0, len(pcm), 333) for value in detector.feed(pcm[at : at + 333]))
    assert cut == pytest.approx(whole, abs=1e-4)
    assert len(whole) == len(pcm) // 2 // 512
