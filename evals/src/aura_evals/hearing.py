"""What local ears make of speech that local programs have made: word errors, and no words of nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

import numpy as np

from aura.errors import AuraError
from aura.testing.speech import collected, silence, tone
from aura.voice.adapters.moonshine import Moonshine
from aura.voice.adapters.programs import Espeak, Flite, Program, ProgramSynthesizer
from aura.voice.adapters.silero import Silero
from aura.voice.audio.files import Limits, decoded, wav
from aura.voice.ports import Audio
from aura_evals.errors import BadInput
from aura_evals.progress import Bars
from aura_evals.result import Case

_SENTENCES = (
    "How many days from delivery do customers have to return a product?",
    "What is the daily meal allowance on a business trip?",
    "How long does the warranty on a repair last?",
    "Please tell me about the opening hours of the canteen.",
    "Who do I have to call when I have lost my badge?",
    "Wait a moment.",
    "The parcel has not arrived, and it was sent two weeks ago.",
    "Can the invoice be paid in three parts?",
)


async def measure_hearing(bars: Bars) -> list[Case]:
    """Every sentence, in turn by the programs that are installed, and what is nobody's speech.

    Cost: about half a second of one core for each second of speech.

    Raises:
        BadInput: no ears or no program are installed; the message names the command.
    """
    programs: list[Program] = [each for each in (Espeak(), Flite()) if shutil.which(each.name)]
    if not programs:
        raise BadInput("suite 'voice' needs a program that speaks: apt-get install espeak-ng")
    try:
        ears = Moonshine(Silero())
    except AuraError as missing:
        raise BadInput(f"suite 'voice' needs local ears: {missing}") from None
    bar = bars.bar("hearing", len(_SENTENCES))
    cases: list[Case] = []
    try:
        for n, sentence in enumerate(_SENTENCES):
            program = programs[n % len(programs)]
            audio = await decoded(wav(await collected(ProgramSynthesizer(program).speak(sentence))), Limits())
            heard = (await ears.transcribe(audio)).text
            right = max(0.0, 1.0 - word_errors(sentence, heard))
            cases.append(_case(f"{program.name} {n}", sentence, {"hearing.words_right": right}, heard))
            bar.advance()
        for name, audio in _NOBODY.items():
            heard = (await ears.transcribe(audio)).text
            cases.append(_case(name, name, {"hearing.nothing_invented": float(heard == "")}, heard))
    finally:
        await ears.close()
    return cases


def word_errors(said: str, heard: str) -> float:
    """The word error rate: the fewest words to replace, leave out or put in, by the words that were said."""
    wanted, found = _words(said), _words(heard)
    row = list(range(len(found) + 1))
    for n, word in enumerate(wanted, 1):
        above, row = row, [n]
        for m, other in enumerate(found, 1):
            row.append(min(above[m] + 1, row[m - 1] + 1, above[m - 1] + (word != other)))
    return row[-1] / max(1, len(wanted))


def _words(text: str) -> Sequence[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())


def _noise(level: int) -> Audio:
    samples = np.random.default_rng(1).normal(0, level, 32_000)
    return Audio(pcm=samples.clip(-32_768, 32_767).astype("<i2").tobytes(), sample_rate_hz=16_000)


_NOBODY = {"silence": silence(2.0), "soft noise": _noise(500), "loud noise": _noise(6_000), "a tone": tone(2.0)}


def _case(id: str, query: str, values: dict[str, float], heard: str) -> Case:
    return Case(id=f"hearing: {id}", slice="hearing", query=query, answer=heard, values=values)
