"""A recording as it was uploaded, to PCM: WAV, MP3, WebM, Ogg, M4A and FLAC, within a size and a duration.

The container is told by its first bytes and named to the decoder: left to guess, it would also take playlists, which name
other files and addresses.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from aura.errors import InvalidRequest
from aura.voice.errors import PartMissing
from aura.voice.ports import BYTES_PER_SAMPLE, Audio, Speech

if TYPE_CHECKING:
    from av.container import InputContainer

HEARD_HZ: Final = 16_000
"""The rate at which everything is heard."""
KINDS: Final = "WAV, MP3, WebM, Ogg, M4A or FLAC"
_CODECS: Final = frozenset({"mp3", "mp3float", "opus", "libopus", "vorbis", "libvorbis", "aac", "alac", "flac"})
_COMMAND: Final = 'pip install "aura[voice]"'


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording may be at most."""

    max_bytes: int = 25 * 1024 * 1024
    max_seconds: float = 600.0


async def decoded(data: bytes, limits: Limits) -> Audio:
    """The recording in `data`, at `HEARD_HZ`. Works in a thread.

    Raises:
        InvalidRequest: it is empty, no recording of a known kind, damaged from its beginning on, or longer than it may be.
        PartMissing: the extra `voice` is not installed.
    """
    if len(data) > limits.max_bytes:
        raise InvalidRequest(
            f"the recording has {len(data):,} bytes, more than {limits.max_bytes:,}: send a shorter one", field="audio"
        )
    return await asyncio.to_thread(_decoded, data, limits.max_seconds)


def wav(pieces: list[Speech]) -> bytes:
    """What was spoken, as a WAV file. The pieces have one rate."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(pieces[0].sample_rate_hz if pieces else HEARD_HZ)
        file.writeframes(b"".join(piece.pcm for piece in pieces))
    return out.getvalue()


def container_of(data: bytes) -> str | None:
    """FFmpeg's name of the container that `data` begins as, or None."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"OggS":
        return "ogg"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if data[4:8] == b"ftyp":
        return "mp4"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
        return "mp3"
    return None


def _decoded(data: bytes, max_seconds: float) -> Audio:
    kind = container_of(data)
    if kind is None:
        raise _unreadable("no recording" if data else "empty")
    try:
        import av
        from av.error import FFmpegError
    except ImportError:
        raise PartMissing(
            f"recordings can not be read without the package av: {_COMMAND}", part="speech to text", command=_COMMAND
        ) from None
    try:
        with av.open(io.BytesIO(data), mode="r", format=kind, metadata_errors="ignore") as container:
            pcm = b"".join(_pieces(container, max_seconds))
    except FFmpegError as error:
        raise _unreadable(f"damaged ({type(error).__name__})") from error
    if not pcm:
        raise _unreadable("without a sound in it")
    return Audio(pcm=pcm, sample_rate_hz=HEARD_HZ)


def _pieces(container: InputContainer, max_seconds: float) -> Iterator[bytes]:
    from av import AudioResampler
    from av.error import FFmpegError

    if not container.streams.audio:
        raise _unreadable("without a sound in it")
    stream = container.streams.audio[0]
    name = stream.codec_context.name
    if name not in _CODECS and not name.startswith("pcm_"):
        raise _unreadable(f"of a codec that is not taken, {name!r}")
    resampler = AudioResampler(format="s16", layout="mono", rate=HEARD_HZ)
    left = round(max_seconds * HEARD_HZ)
    frames = container.decode(stream)
    while True:
        try:
            frame = next(frames, None)
        except FFmpegError:  # the end is damaged, or was cut off: what was said until then is heard
            frame = None
        for ready in resampler.resample(frame):
            left -= ready.samples
            if left < 0:
                raise InvalidRequest(
                    f"the recording is longer than {max_seconds:,.0f} s: send it in parts", field="audio"
                )
            yield ready.to_ndarray()[0].astype("<i2").tobytes()
        if frame is None:
            return


def _unreadable(why: str) -> InvalidRequest:
    return InvalidRequest(f"the audio is {why}: send {KINDS}", field="audio")
