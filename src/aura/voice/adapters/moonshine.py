"""Moonshine hears English on this machine: the model `tiny-en`, whose weights are in the wheel `moonshine-voice`.

The model is not asked to find speech by itself: of silence it makes the word "You". A detector cuts out what is spoken.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, AsyncIterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from aura.voice.audio.codecs import Resampler
from aura.voice.audio.files import HEARD_HZ
from aura.voice.audio.presence import Present, is_silent, spoken_parts
from aura.voice.errors import PartMissing, SpeechFault
from aura.voice.ports import NO_HINTS, Audio, Capabilities, Hints, Transcript, VoiceActivity

COMMAND: Final = 'pip install "aura[voice]"'
PARTIAL_SECONDS: Final = 0.7
"""How much new audio a partial transcript is made of, while nobody else waits for the model."""
_LONGEST_SECONDS: Final = 12.0
"""A part is cut to this: the package makes a list of its samples, and holds the interpreter meanwhile (10 ms for it)."""
_OPTIONS: Final = {"vad_threshold": "0.0", "return_audio_data": "false"}
"""What is spoken was cut out already, and nobody wants the samples back."""


class Moonshine:
    """A `Transcriber`. One model for a process, in one worker thread: calls wait for each other.

    Args:
        activity: finds out where somebody speaks; without it, what is loud counts as speech.
        folder: holds the model; None is the wheel's own.

    Raises:
        PartMissing: the package is not installed, or the folder holds no model.
    """

    provider = "moonshine"
    model = "tiny-en"
    capabilities = Capabilities(local=True, partials=True, languages=("en",))

    def __init__(self, activity: VoiceActivity | None, *, folder: Path | None = None) -> None:
        self._folder = _model_folder(folder)
        self._activity = activity
        self._loaded: Any = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="aura-moonshine")
        self._waiting = 0

    async def transcribe(self, audio: Audio, hints: Hints = NO_HINTS) -> Transcript:
        """As its port. Cost: about a third of the audio's length of one core; the first call loads the model, some 2 s."""
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, self._heard, audio)
        finally:
            self._waiting -= 1

    async def stream(self, pieces: AsyncIterable[Audio], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """As its port: each transcript is made of all that was said so far."""
        whole, told, said = bytearray(), 0.0, ""
        resampler: Resampler | None = None
        async for piece in pieces:
            resampler = resampler or Resampler(piece.sample_rate_hz, HEARD_HZ)
            whole += resampler.feed(piece.pcm)
            audio = Audio(pcm=bytes(whole), sample_rate_hz=HEARD_HZ)
            if audio.seconds - told < PARTIAL_SECONDS or self._waiting:
                continue
            told = audio.seconds
            found = await self.transcribe(audio, hints)
            if found.text != said:
                said = found.text
                yield Transcript(text=said, final=False, audio_seconds=told, provider=self.provider, model=self.model)
        if resampler is not None:
            whole += resampler.finish()
        yield await self.transcribe(Audio(pcm=bytes(whole), sample_rate_hz=HEARD_HZ), hints)

    async def close(self) -> None:
        """End the worker, and free the model."""
        await asyncio.to_thread(self._worker.shutdown)
        if self._loaded is not None:
            self._loaded.close()

    def _heard(self, audio: Audio) -> Transcript:
        if audio.sample_rate_hz != HEARD_HZ:
            resampler = Resampler(audio.sample_rate_hz, HEARD_HZ)
            pcm = resampler.feed(audio.pcm) + resampler.finish()
            audio = Audio(pcm=pcm, sample_rate_hz=HEARD_HZ)
        parts = self._parts(audio)
        said = [(part, text) for part in parts if (text := self._text(part.audio))]
        return Transcript(
            text=" ".join(text for _, text in said),
            language="en",
            # The model tells none: how sure it is that somebody speaks bounds how sure the words can be.
            confidence=min((part.probability for part, _ in said), default=None) if self._activity else None,
            audio_seconds=audio.seconds,
            provider=self.provider,
            model=self.model,
        )

    def _parts(self, audio: Audio) -> tuple[Present, ...]:
        if self._activity is not None:
            return spoken_parts(audio, self._activity, longest_seconds=_LONGEST_SECONDS)
        return () if is_silent(audio) else (Present(audio=audio, start_seconds=0.0, probability=0.0),)

    def _text(self, audio: Audio) -> str:
        samples = np.frombuffer(audio.pcm, "<i2").astype(np.float32) / 32_768
        try:
            found = self._open().transcribe_without_streaming(samples.tolist(), audio.sample_rate_hz)
        except Exception as error:  # the package has one class of errors, and its library others
            raise SpeechFault.of(error, provider=self.provider) from error
        return " ".join(line.text.strip() for line in found.lines if line.text.strip())

    def _open(self) -> Any:
        if self._loaded is None:
            from moonshine_voice import ModelArch
            from moonshine_voice import Transcriber as Opened

            self._loaded = Opened(str(self._folder), ModelArch.TINY, options=_OPTIONS)
        return self._loaded


def _model_folder(given: Path | None) -> Path:
    """The folder of the model. The package is looked up and not imported: it takes a second."""
    if given is None:
        spec = importlib.util.find_spec("moonshine_voice")
        if spec is None or spec.origin is None:
            raise PartMissing(f"speech to text is not installed: {COMMAND}", part="speech to text", command=COMMAND)
        given = Path(spec.origin).parent / "assets" / "tiny-en"
    if not (given / "encoder_model.ort").is_file():
        raise PartMissing(
            f"{str(given)!r} holds no model of Moonshine's: {COMMAND}", part="speech to text", command=COMMAND
        )
    return given
