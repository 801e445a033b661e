"""One microphone: who speaks when, and the audio of what they said, from half a second before they began."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from aura.voice.ports import BYTES_PER_SAMPLE, Audio, VoiceActivity

PRE_ROLL_SECONDS: Final = 0.5
"""What is kept from before somebody was noticed: the first sound of a sentence is quiet."""
_WINDOWS_TO_BEGIN = 2
_LOWER = 0.15
"""Who speaks already is taken to go on down to so much below the threshold."""


class Change(StrEnum):
    """What has changed in what a microphone hears."""

    BEGAN = "began"
    PAUSED = "paused"


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody began to speak, or paused, at `seconds` of the audio; how loud the windows were that told it, from 0 to 1."""

    change: Change
    seconds: float
    loudness: float = 0.0


class Ear:
    """Listens to PCM of 16 bits at the rate of its `activity`, and keeps what is said.

    Args:
        threshold: from which likelihood on somebody speaks.
        settle_seconds: silence after which somebody has paused.
    """

    def __init__(
        self,
        activity: VoiceActivity,
        *,
        threshold: float = 0.5,
        pre_roll_seconds: float = PRE_ROLL_SECONDS,
        settle_seconds: float = 0.1,
    ) -> None:
        self.sample_rate_hz = activity.sample_rate_hz
        self.speaking = False
        self._detector = activity.detector()
        self._window_seconds = activity.window_samples / activity.sample_rate_hz
        self._threshold = threshold
        self._pre_roll = pre_roll_seconds
        self._settle = settle_seconds
        self._pcm = bytearray()
        self._dropped = 0
        self._begins: int | None = None
        self._odd = b""
        self._windows = self._run = 0
        self._silence = 0.0

    @property
    def seconds(self) -> float:
        """How much was heard in all."""
        return (self._dropped + len(self._pcm)) / self._bytes_per_second

    @property
    def said_seconds(self) -> float:
        """How long `said` is."""
        return 0.0 if self._begins is None else self.seconds - self._begins / self._bytes_per_second

    @property
    def silence_seconds(self) -> float:
        """How long nobody has spoken."""
        return self._silence

    def feed(self, pcm: bytes) -> list[Noticed]:
        """Hear more; what has changed by it. An odd byte waits for its other half."""
        pcm = self._odd + pcm
        whole = len(pcm) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        self._odd, pcm = pcm[whole:], pcm[:whole]
        self._pcm += pcm
        noticed = [each for likely in self._detector.feed(pcm) if (each := self._window(likely, pcm)) is not None]
        self._forget()
        return noticed

    def said(self) -> Audio:
        """All since somebody began to speak, with what was just before it; what is kept is let go of by `take`."""
        start = len(self._pcm) if self._begins is None else max(0, self._begins - self._dropped)
        return Audio(pcm=bytes(self._pcm[start:]), sample_rate_hz=self.sample_rate_hz)

    def take(self) -> Audio:
        """As `said`; it is not kept any longer."""
        audio = self.said()
        self._begins = None
        self._forget()
        return audio

    def begin_here(self) -> None:
        """Whoever speaks, their speech begins now: what was heard before, but just before, is somebody else's."""
        self._begins = self._place(self.seconds - self._pre_roll)

    def keep_from_here(self) -> None:
        """Keep all from now on, whoever speaks."""
        self._begins = self._dropped + len(self._pcm)

    def adjust(self, *, threshold: float, pre_roll_seconds: float, settle_seconds: float) -> None:
        """Listen in another way from here on."""
        self._threshold, self._pre_roll, self._settle = threshold, pre_roll_seconds, settle_seconds

    def lose(self, seconds: float) -> None:
        """Nothing has come for so long: whoever spoke has paused."""
        self._silence = seconds
        self.speaking, self._run = False, 0
        self._detector.reset()

    def clear(self) -> None:
        """Forget what was heard, but not how long it was."""
        self._dropped += len(self._pcm)
        self._pcm.clear()
        self._begins = None
        self.speaking, self._run, self._odd = False, 0, b""
        self._detector.reset()

    @property
    def _bytes_per_second(self) -> int:
        return self.sample_rate_hz * BYTES_PER_SAMPLE

    def _window(self, likely: float, pcm: bytes) -> Noticed | None:
        self._windows += 1
        at = self._windows * self._window_seconds
        loud = likely >= (self._threshold - _LOWER if self.speaking else self._threshold)
        self._silence = 0.0 if loud else self._silence + self._window_seconds
        if not self.speaking:
            self._run = self._run + 1 if loud else 0
            if self._run < _WINDOWS_TO_BEGIN:
                return None
            self.speaking = True
            began = at - self._run * self._window_seconds
            if self._begins is None:
                self._begins = self._place(began - self._pre_roll)
            return Noticed(change=Change.BEGAN, seconds=began, loudness=loudness(pcm))
        if loud or self._silence < self._settle - 1e-9:
            return None
        self.speaking, self._run = False, 0
        return Noticed(change=Change.PAUSED, seconds=at - self._silence)

    def _place(self, seconds: float) -> int:
        return max(0, round(seconds * self.sample_rate_hz)) * BYTES_PER_SAMPLE

    def _forget(self) -> None:
        """Let go of what nobody will ask for."""
        if self._begins is not None:
            return
        spare = len(self._pcm) - self._place(self._pre_roll + 4 * self._window_seconds)
        if spare > 0:
            del self._pcm[:spare]
            self._dropped += spare


def loudness(pcm: bytes) -> float:
    """The root of the mean square of samples, from 0 to 1."""
    import numpy as np  # heavier than the rest of the library's door

    if len(pcm) < BYTES_PER_SAMPLE:
        return 0.0
    samples = np.frombuffer(pcm[: len(pcm) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE], dtype="<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples * samples))) / 32_768
