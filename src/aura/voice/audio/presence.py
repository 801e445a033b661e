"""Where in a recording somebody speaks. Silence and noise never reach a transcriber, which would make words of them."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from aura.voice.ports import BYTES_PER_SAMPLE, Audio, VoiceActivity

SPEAKS: Final = 0.5
"""From so much on, a window counts as speech. Source: Silero's own default."""
LEAST_SECONDS: Final = 0.4
"""What is shorter is not transcribed: nobody says anything in it."""
_LEAST_WINDOWS: Final = 3
"""Windows that somebody must speak in: a click has one or two."""
_MARGIN_SECONDS: Final = 0.25
"""Kept before and behind speech: detectors notice a soft beginning late."""
_PAUSE_SECONDS: Final = 0.6
"""A recording is cut in pauses of this length, where it must be."""
QUIET: Final = 0.01
"""The level (of 1) below which there is silence, for who has no detector."""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a recording in which somebody speaks. `probability` is how sure that is, from 0 to 1."""

    audio: Audio
    start_seconds: float
    probability: float


def spoken_parts(audio: Audio, activity: VoiceActivity, *, longest_seconds: float = 25.0) -> tuple[Present, ...]:
    """The parts of `audio`, which has the rate of `activity`, in which somebody speaks.

    They are cut in pauses, and not longer than `longest_seconds`. Cost: 0.4 ms for each window of 32 ms; for a thread.
    """
    if audio.seconds < LEAST_SECONDS:
        return ()
    heard = activity.detector().feed(audio.pcm)
    window = activity.window_samples / audio.sample_rate_hz
    runs = _runs(heard, round(_PAUSE_SECONDS / window), round(longest_seconds / window))
    margin = round(_MARGIN_SECONDS / window)
    return tuple(
        Present(
            audio=_cut(audio, max(0, first - margin) * window, (last + 1 + margin) * window),
            start_seconds=max(0, first - margin) * window,
            probability=float(np.mean([each for each in heard[first : last + 1] if each >= SPEAKS])),
        )
        for first, last in runs
    )


def is_silent(audio: Audio) -> bool:
    """Whether nothing in `audio` is loud enough to be speech, or it is too short for any."""
    if audio.seconds < LEAST_SECONDS:
        return True
    samples = np.frombuffer(audio.pcm, "<i2").astype(np.float32) / 32_768
    window = audio.sample_rate_hz // 30
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    levels = np.sqrt(np.mean(np.square(whole), axis=1))
    return int(np.count_nonzero(levels > QUIET)) < _LEAST_WINDOWS


def _runs(heard: tuple[float, ...], pause: int, longest: int) -> list[tuple[int, int]]:
    """The first and the last window of each part."""
    runs: list[tuple[int, int]] = []
    counts: list[int] = []
    for at, probability in enumerate(heard):
        if probability < SPEAKS:
            continue
        if runs and at - runs[-1][1] <= pause and at - runs[-1][0] < longest:
            runs[-1] = (runs[-1][0], at)
            counts[-1] += 1
        else:
            runs.append((at, at))
            counts.append(1)
    return [run for run, count in zip(runs, counts, strict=True) if count >= _LEAST_WINDOWS]


def _cut(audio: Audio, start_seconds: float, end_seconds: float) -> Audio:
    first = round(start_seconds * audio.sample_rate_hz) * BYTES_PER_SAMPLE
    last = round(end_seconds * audio.sample_rate_hz) * BYTES_PER_SAMPLE
    return Audio(pcm=audio.pcm[first:last], sample_rate_hz=audio.sample_rate_hz)
