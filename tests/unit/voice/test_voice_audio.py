"""Audio as it comes: files of every kind, sockets of every rate and law, and what of it is speech."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest

from aura.errors import InvalidRequest
from aura.testing.speech import LoudnessActivity, silence, tone
from aura.voice.audio.codecs import RATES_HZ, Decoder, Encoder, Resampler, compressed, expanded
from aura.voice.audio.files import HEARD_HZ, Limits, container_of, decoded, wav
from aura.voice.audio.presence import is_silent, spoken_parts
from aura.voice.ports import Audio, AudioFormat, Encoding, Speech

av = pytest.importorskip("av", reason="the extra `voice` is not installed")

KINDS = {
    "wav": ("wav", "pcm_s16le", 44_100),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "webm": ("webm", "libopus", 48_000),
    "ogg": ("ogg", "libopus", 48_000),
    "m4a": ("ipod", "aac", 44_100),
    "flac": ("flac", "flac", 44_100),
    "8-bit wav": ("wav", "pcm_u8", 8_000),
}


def recording(kind: str, seconds: float = 1.0) -> bytes:
    """A tone in two channels, as a file of this kind."""
    container, codec, rate = KINDS[kind]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo")
        samples = np.frombuffer(tone(seconds, sample_rate_hz=rate).pcm, np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", rate, frame_size=stream.frame_size or 0)
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(ready))
        file.mux(stream.encode(None))
    return out.getvalue()


def loudness(audio: Audio) -> float:
    return float(np.sqrt(np.mean(np.square(np.frombuffer(audio.pcm, "<i2").astype(float)))))


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_recording_of_every_kind_is_heard_at_one_rate_in_one_channel(kind: str) -> None:
    audio = await decoded(recording(kind), Limits())
    assert audio.sample_rate_hz == HEARD_HZ
    assert audio.seconds == pytest.approx(1.0, abs=0.08)
    assert loudness(audio) == pytest.approx(8_000 / 2**0.5, rel=0.1)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not audio",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\nhttp://127.0.0.1/secret.ts\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        b"RIFF\x24\x00\x00\x00WAVE",
        b"ID3" + bytes(500),
        b"\x1aE\xdf\xa3" + bytes(500),
    ],
    ids=["empty", "text", "playlist", "concat", "wav head", "mp3 head", "webm head"],
)
async def test_what_is_no_recording_is_refused_with_what_would_be(bad: bytes) -> None:
    with pytest.raises(InvalidRequest, match="WAV, MP3, WebM, Ogg, M4A or FLAC") as refusal:
        await decoded(bad, Limits())
    assert refusal.value.field == "audio"


async def test_a_recording_is_refused_that_is_too_large_or_too_long() -> None:
    whole = recording("flac", 2.0)
    with pytest.raises(InvalidRequest, match="bytes"):
        await decoded(whole, Limits(max_bytes=len(whole) - 1))
    with pytest.raises(InvalidRequest, match="longer than 1 s"):
        await decoded(whole, Limits(max_seconds=1.0))
    assert (await decoded(whole, Limits(max_bytes=len(whole), max_seconds=2.1))).seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("kind", ["mp3", "ogg", "webm", "wav"])
async def test_of_a_recording_that_was_cut_off_the_beginning_is_heard(kind: str) -> None:
    whole = recording(kind, 4.0)
    audio = await decoded(whole[: len(whole) // 2], Limits())
    assert 0.5 < audio.seconds < 3.5


async def test_a_film_and_a_codec_that_is_no_speech_are_refused() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        file.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(InvalidRequest, match="without a sound"):
        await decoded(out.getvalue(), Limits())


def test_what_was_spoken_is_a_wav_file_of_all_its_samples() -> None:
    pieces = [Speech(pcm=tone(0.2).pcm, sample_rate_hz=16_000), Speech(pcm=tone(0.1).pcm, sample_rate_hz=16_000)]
    file = wav(pieces)
    assert container_of(file) == "wav"
    assert len(file) == 44 + sum(len(piece.pcm) for piece in pieces)
    assert len(wav([])) == 44


# -- sockets -----------------------------------------------------------------------------------------------------------


def in_pieces(feed: Callable[[bytes], bytes], data: bytes, size: int) -> bytes:
    return b"".join(feed(data[at : at + size]) for at in range(0, len(data), size))


@pytest.mark.parametrize("law", [Encoding.MULAW, Encoding.ALAW])
def test_the_laws_of_telephones_are_those_of_the_reference(law: Encoding) -> None:
    codec = av.CodecContext.create(f"pcm_{law.value}", "r")
    codec.sample_rate, codec.layout = 8_000, "mono"
    every = bytes(range(256))
    (frame,) = codec.decode(av.Packet(every))
    assert expanded(every, law) == frame.to_ndarray()[0].astype("<i2").tobytes()
    twice = compressed(expanded(every, law), law)
    assert expanded(twice, law) == expanded(every, law)


@pytest.mark.parametrize("law", [Encoding.MULAW, Encoding.ALAW])
def test_a_sample_becomes_the_nearest_one_that_a_law_has(law: Encoding) -> None:
    samples = np.arange(-32_768, 32_768, 7, dtype=np.int32)
    again = np.frombuffer(expanded(compressed(samples.astype("<i2").tobytes(), law), law), "<i2").astype(np.int32)
    levels = np.frombuffer(expanded(bytes(range(256)), law), "<i2").astype(np.int32)
    best = np.abs(samples[:, None] - levels[None, :]).min(axis=1)
    assert np.array_equal(np.abs(samples - again), best)


@pytest.mark.parametrize("size", [1, 3, 641, 9_999])
@pytest.mark.parametrize("rates", [(8_000, 16_000), (48_000, 16_000), (44_100, 24_000), (24_000, 24_000)])
def test_pieces_of_any_size_make_the_same_sound_as_the_whole(rates: tuple[int, int], size: int) -> None:
    pcm = tone(0.25, sample_rate_hz=rates[0]).pcm
    one, other = Resampler(*rates), Resampler(*rates)
    whole = one.feed(pcm) + one.finish()
    cut = in_pieces(other.feed, pcm, size) + other.finish()
    assert len(cut) == len(whole)
    # Rounding to 16 bits is dithered, so the last bit is chance.
    assert np.abs(np.frombuffer(cut, "<i2").astype(int) - np.frombuffer(whole, "<i2")).max() <= 2
    assert len(whole) // 2 == pytest.approx(0.25 * rates[1], abs=2)


@pytest.mark.parametrize("rate", RATES_HZ)
@pytest.mark.parametrize("encoding", Encoding)
def test_what_a_socket_is_sent_is_read_back_by_one(rate: int, encoding: Encoding) -> None:
    format = AudioFormat(encoding=encoding, sample_rate_hz=rate)
    encoder, decoder = Encoder(16_000, format), Decoder(format, 16_000)
    sent = encoder.feed(tone(0.5).pcm) + encoder.finish()
    back = in_pieces(decoder.feed, sent, 333) + decoder.finish()
    assert len(sent) == pytest.approx(format.bytes_per_second * 0.5, abs=8)
    assert loudness(Audio(pcm=back, sample_rate_hz=16_000)) == pytest.approx(8_000 / 2**0.5, rel=0.05)
    assert len(back) % 2 == 0


def test_half_a_sample_waits_for_its_other_half_and_is_left_out_at_the_end() -> None:
    decoder = Decoder(AudioFormat(sample_rate_hz=16_000), 16_000)
    assert decoder.feed(b"\x01") == b""
    assert decoder.feed(b"\x02\x03") == b"\x01\x02"
    assert decoder.finish() == b""


def test_a_rate_that_nobody_uses_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="11025"):
        Decoder(AudioFormat(sample_rate_hz=11_025), 16_000)


# -- speech ------------------------------------------------------------------------------------------------------------


def joined(*parts: Audio) -> Audio:
    return Audio(pcm=b"".join(part.pcm for part in parts), sample_rate_hz=16_000)


def test_the_parts_in_which_somebody_speaks_are_cut_out_with_a_margin() -> None:
    audio = joined(silence(1.0), tone(0.8), silence(2.0), tone(0.6), silence(0.5))
    parts = spoken_parts(audio, LoudnessActivity())
    assert [round(part.start_seconds, 1) for part in parts] == [0.7, 3.5]
    assert [round(part.audio.seconds, 1) for part in parts] == [1.3, 1.2]
    assert all(part.probability == 1.0 for part in parts)


def test_a_short_pause_does_not_cut_and_a_long_speech_is_cut_anyway() -> None:
    assert len(spoken_parts(joined(tone(0.5), silence(0.4), tone(0.5)), LoudnessActivity())) == 1
    parts = spoken_parts(tone(5.0), LoudnessActivity(), longest_seconds=2.0)
    assert len(parts) == 3
    assert max(part.audio.seconds for part in parts) < 2.8


def test_silence_a_click_and_what_is_too_short_are_nobodys_speech() -> None:
    activity = LoudnessActivity()
    assert spoken_parts(silence(2.0), activity) == ()
    assert spoken_parts(joined(silence(0.5), tone(0.02), silence(0.5)), activity) == ()
    assert spoken_parts(tone(0.39), activity) == ()
    assert is_silent(silence(2.0))
    assert is_silent(tone(0.39))
    assert not is_silent(tone(0.5))
