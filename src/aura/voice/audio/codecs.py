"""What sockets carry, to samples and back: PCM of 16 bits at any rate, and the two laws of telephones (ITU-T G.711).

Both ways are stateful: a piece may end in the middle of a sample, and a resampler remembers what it has heard, so that
pieces of any size make the same sound as the whole.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from aura.errors import InvalidRequest
from aura.voice.errors import PartMissing
from aura.voice.ports import BYTES_PER_SAMPLE, AudioFormat, Encoding

if TYPE_CHECKING:
    from soxr import ResampleStream

RATES_HZ: Final = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
"""The rates that sockets may ask for."""
_PCM: Final = np.dtype("<i2")


def checked(format: AudioFormat) -> AudioFormat:
    """`format`, as a socket may use it. Raises `InvalidRequest`: its rate is none of `RATES_HZ`."""
    if format.sample_rate_hz not in RATES_HZ:
        known = ", ".join(map(str, RATES_HZ))
        raise InvalidRequest(
            f"audio at {format.sample_rate_hz!r} Hz is not taken: choose of {known}", field="sample_rate_hz"
        )
    return format


class Resampler:
    """PCM at one rate to PCM at another, piece by piece. The first samples come a few milliseconds late.

    Raises:
        PartMissing: the rates differ, and the extra `voice` is not installed.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None if from_hz == to_hz else _stream(from_hz, to_hz)
        self._odd = b""

    def feed(self, pcm: bytes) -> bytes:
        """What is ready of `pcm`, which may end in the middle of a sample, and of what came before."""
        held = self._odd + pcm
        whole = len(held) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        self._odd = held[whole:]
        if self._stream is None or not whole:
            return held[:whole]
        return _bytes(self._stream.resample_chunk(_samples(held[:whole])))

    def finish(self) -> bytes:
        """The rest. Half a sample at the end is left out; the resampler is not to be used any more."""
        if self._stream is None:
            return b""
        return _bytes(self._stream.resample_chunk(np.zeros(0, np.int16), last=True))


class Decoder:
    """What a socket sends, to PCM at `rate_hz`."""

    def __init__(self, format: AudioFormat, rate_hz: int) -> None:
        self._encoding = checked(format).encoding
        self._resampler = Resampler(format.sample_rate_hz, rate_hz)

    def feed(self, data: bytes) -> bytes:
        """PCM of what is whole in `data` and what came before."""
        return self._resampler.feed(data if self._encoding is Encoding.PCM16 else expanded(data, self._encoding))

    def finish(self) -> bytes:
        """The rest."""
        return self._resampler.finish()


class Encoder:
    """PCM at `rate_hz`, to what a socket is sent."""

    def __init__(self, rate_hz: int, format: AudioFormat) -> None:
        self._encoding = checked(format).encoding
        self._resampler = Resampler(rate_hz, format.sample_rate_hz)

    def feed(self, pcm: bytes) -> bytes:
        """What can be sent of `pcm` and what came before."""
        return self._encoded(self._resampler.feed(pcm))

    def finish(self) -> bytes:
        """The rest."""
        return self._encoded(self._resampler.finish())

    def _encoded(self, pcm: bytes) -> bytes:
        return pcm if self._encoding is Encoding.PCM16 else compressed(pcm, self._encoding)


def expanded(data: bytes, law: Encoding) -> bytes:
    """PCM of bytes in µ-law or A-law."""
    return _bytes(_expansion(law)[np.frombuffer(data, np.uint8)])


def compressed(pcm: bytes, law: Encoding) -> bytes:
    """PCM of whole samples in µ-law or A-law: the byte whose sample is nearest."""
    return _compression(law)[_samples(pcm).astype(np.int32) + 32_768].tobytes()


@cache
def _expansion(law: Encoding) -> NDArray[np.int16]:
    """The sample of each byte. Source: ITU-T G.711, tables 1 and 2, in 16 bits."""
    code = np.arange(256)
    if law is Encoding.MULAW:
        code = ~code & 0xFF
        magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
        return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)
    code ^= 0x55
    segment, mantissa = (code & 0x70) >> 4, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, mantissa + 8, mantissa + 0x108 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


@cache
def _compression(law: Encoding) -> NDArray[np.uint8]:
    """The byte for each sample, from -32,768 on."""
    expansion = _expansion(law).astype(np.int32)
    order = np.argsort(expansion, kind="stable")
    rising = expansion[order]
    samples = np.arange(-32_768, 32_768)
    above = np.clip(np.searchsorted(rising, samples), 1, len(rising) - 1)
    nearer = np.where(samples - rising[above - 1] < rising[above] - samples, above - 1, above)
    return order[nearer].astype(np.uint8)


def _stream(from_hz: int, to_hz: int) -> ResampleStream:
    try:
        from soxr import ResampleStream
    except ImportError:
        command = 'pip install "aura[voice]"'
        raise PartMissing(
            f"audio can not be resampled without the package soxr: {command}", part="resampling", command=command
        ) from None
    return ResampleStream(from_hz, to_hz, 1, dtype="int16")


def _samples(pcm: bytes) -> NDArray[np.int16]:
    return np.frombuffer(pcm, _PCM).astype(np.int16)


def _bytes(samples: NDArray[np.int16]) -> bytes:
    return samples.astype(_PCM).tobytes()
