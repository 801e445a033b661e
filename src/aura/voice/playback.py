"""What of a reply has been played to its listener, and so what of the answer was heard."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import msgspec

from aura.voice.ports import Speech
from aura.voice.speakable.words import Spoken

_CHARACTERS_PER_SECOND: Final = 15.0
"""How fast voices speak, where nothing else is known."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a listener knows of an answer: `spoken` of the `full` text. `audio_ms` is how much of the speech was played."""

    spoken: str
    full: str
    interrupted: bool
    audio_ms: int

    @property
    def characters(self) -> int:
        """How many characters of the answer were heard."""
        return len(self.spoken)


class _Mark(msgspec.Struct):
    """From `begins` to `ends`, seconds of the speech, the characters `[first, last)` of a piece are heard."""

    spoken: Spoken
    begins: float
    ends: float
    first: int
    last: int


class Playback:
    """One reply's speech, in the order in which it is sent. Times are seconds of the speech.

    Where the client tells how much it has played (`report`), that counts; else what was sent is taken to be played at once,
    one second in a second.
    """

    def __init__(self) -> None:
        self._marks: list[_Mark] = []
        self._guessed: _Mark | None = None
        self._words: list[tuple[float, str]] = []
        self._sent = 0.0
        self._played = 0.0
        self._at: float | None = None
        self._first_at: float | None = None
        self._buffered: float | None = None

    @property
    def buffered_seconds(self) -> float | None:
        """How long the first audio waited at the client; None where the client has not told what it plays."""
        return self._buffered

    @property
    def sent_seconds(self) -> float:
        """How much speech was sent."""
        return self._sent

    @property
    def began(self) -> bool:
        """Whether there is anything that could be heard."""
        return self._sent > 0

    def begin(self, spoken: Spoken) -> None:
        """The speech that is sent next is of `spoken`; when it is heard is estimated until `mark` tells."""
        self.finish()
        self._words.append((self._sent, spoken.text))
        self._guessed = _Mark(spoken=spoken, begins=self._sent, ends=self._sent, first=0, last=0)
        self._marks.append(self._guessed)

    def mark(self, spoken: Spoken, first: int, last: int, begins: float, ends: float) -> None:
        """The characters `[first, last)` of a piece are heard from `begins` to `ends`, as the vendor tells."""
        if self._guessed is not None and self._guessed.spoken is spoken:
            self._marks.remove(self._guessed)
            self._guessed = None
        self._marks.append(_Mark(spoken=spoken, begins=begins, ends=ends, first=first, last=last))

    def sent(self, speech: Speech, now: float) -> None:
        """`speech` goes out."""
        self._played, self._at = self.played_seconds(now), now
        self._first_at = now if self._first_at is None else self._first_at
        self._sent += speech.seconds
        if self._guessed is not None:
            self._guessed.ends = self._sent
            likely = round((self._sent - self._guessed.begins) * _CHARACTERS_PER_SECOND)
            self._guessed.last = min(likely, len(self._guessed.spoken.text))

    def finish(self) -> None:
        """The piece under way has ended: all of it was sent."""
        if self._guessed is not None:
            self._guessed.last = len(self._guessed.spoken.text)
            self._guessed = None

    def report(self, seconds: float, now: float) -> None:
        """The client has played so much. More than was sent is taken as all of it."""
        self._played = min(max(0.0, seconds), self._sent)
        self._at = now
        if self._buffered is None and self._played > 0 and self._first_at is not None:
            self._buffered = round(max(0.0, now - self._played - self._first_at), 4)

    def played_seconds(self, now: float) -> float:
        """How much of the speech was played by `now`."""
        if self._at is None:
            return 0.0
        return min(self._sent, self._played + max(0.0, now - self._at))

    def left_seconds(self, now: float) -> float:
        """How much was sent, and is still to be played."""
        return self._sent - self.played_seconds(now)

    def heard_until(self, seconds: float) -> int:
        """The place in the answer's text up to which it was heard, when so much speech was played."""
        n = bisect_right(self._marks, seconds - 1e-6, key=lambda mark: mark.begins)
        if n == 0:
            return self._marks[0].spoken.start if self._marks else 0
        mark = self._marks[n - 1]
        length = mark.ends - mark.begins
        share = min(1.0, (seconds - mark.begins) / length) if length > 0 else 1.0
        return mark.spoken.heard_until(mark.first + round((mark.last - mark.first) * share))

    def heard(self, full: str, now: float, *, at_most: float | None = None) -> Heard:
        """What was heard by `now`. `at_most` is what the client says that it has played; more than was sent is clamped."""
        played = self.played_seconds(now) if at_most is None else min(max(0.0, at_most), self._sent)
        until = min(self.heard_until(played), len(full)) if played > 0 else self.heard_until(0.0)
        return Heard(spoken=full[:until], full=full, interrupted=True, audio_ms=round(played * 1000))

    def playing(self, now: float) -> str:
        """The words that were sent so far: what an echo may hold."""
        return " ".join(text for begins, text in self._words if begins <= self.played_seconds(now) + 1.0)
