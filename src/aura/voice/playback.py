"""What of a reply has been played to its listener, and so what of the answer was heard."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from aura.voice.ports import Span, Speech
from aura.voice.speakable.words import Spoken


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a listener knows of an answer: `spoken` of the `full` text.

    `characters` is the length of `spoken`, and `audio_ms` how much of the speech was played.
    """

    spoken: str
    full: str
    interrupted: bool
    audio_ms: int

    @property
    def characters(self) -> int:
        """How many characters of the answer were heard."""
        return len(self.spoken)


class _Piece(msgspec.Struct):
    """A piece of the answer, and where in the speech it is heard: `begins` is its first sample, `ends` behind its last."""

    spoken: Spoken
    begins: float
    ends: float | None = None
    spans: list[Span] = msgspec.field(default_factory=list[Span])


class Playback:
    """One reply's speech, in the order in which it is sent. Times are seconds of the speech.

    Where the client tells how much it has played (`report`), that counts; else what was sent is taken to be played at once,
    one second in a second.
    """

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._sent = 0.0
        self._played = 0.0
        self._at: float | None = None
        self._reported: float | None = None

    @property
    def sent_seconds(self) -> float:
        """How much speech was sent."""
        return self._sent

    @property
    def began(self) -> bool:
        """Whether there is anything that could be heard."""
        return self._sent > 0

    def piece(self, spoken: Spoken) -> None:
        """The speech that follows is of `spoken`."""
        self._close()
        self._pieces.append(_Piece(spoken=spoken, begins=self._sent))

    def sent(self, speech: Speech, now: float) -> None:
        """`speech`, which belongs to the last piece, goes out. Its spans are in the piece's own text and time."""
        self._played = self.played_seconds(now)
        self._at = now
        self._pieces[-1].spans.extend(speech.spans)
        self._sent += speech.seconds

    def finish(self) -> None:
        """No more speech comes."""
        self._close()

    def report(self, seconds: float, now: float) -> None:
        """The client has played so much. More than was sent is taken as all of it."""
        self._reported = self._played = min(max(0.0, seconds), self._sent)
        self._at = now

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
        heard = 0
        for piece in self._pieces:
            if piece.begins >= seconds:
                break
            heard = self._within(piece, min(seconds, self._sent) - piece.begins)
        return heard

    def heard(self, full: str, now: float, *, at_most: float | None = None) -> Heard:
        """What was heard by `now`. `at_most` is what the client says that it has played; more than was sent is clamped."""
        played = self.played_seconds(now) if at_most is None else min(max(0.0, at_most), self._sent)
        until = min(self.heard_until(played), len(full))
        return Heard(spoken=full[:until], full=full, interrupted=True, audio_ms=round(played * 1000))

    def playing(self, now: float, *, around_seconds: float = 3.0) -> str:
        """The words that are, were just or will soon be played: what an echo may hold."""
        played = self.played_seconds(now)
        return " ".join(
            piece.spoken.text
            for piece in self._pieces
            if piece.begins <= played + 1.0
            and (self._sent if piece.ends is None else piece.ends) >= played - around_seconds
        )

    def _close(self) -> None:
        if self._pieces and self._pieces[-1].ends is None:
            self._pieces[-1].ends = self._sent

    def _within(self, piece: _Piece, seconds: float) -> int:
        if piece.spans:
            ends = [span.end_seconds for span in piece.spans]
            n = bisect_right(ends, seconds + 1e-6)
            characters = piece.spans[n - 1].end if n else 0
            if n < len(piece.spans) and seconds > piece.spans[n].start_seconds:
                span = piece.spans[n]
                share = (seconds - span.start_seconds) / (span.end_seconds - span.start_seconds)
                characters = span.start + round((span.end - span.start) * share)
            if n == len(piece.spans) and piece.ends is not None and seconds < piece.ends - piece.begins:
                characters = min(characters, piece.spans[-1].end)
            return piece.spoken.heard_until(characters)
        length = (self._sent if piece.ends is None else piece.ends) - piece.begins
        share = min(1.0, seconds / length) if length > 0 else 1.0
        if piece.ends is None:  # more of it is to come, nobody knows how much
            share = min(share, seconds * _CHARACTERS_PER_SECOND / max(1, len(piece.spoken.text)))
        return piece.spoken.heard_until(round(share * len(piece.spoken.text)))


_CHARACTERS_PER_SECOND = 15.0
"""How fast voices speak, where nothing else is known."""
