"""Whether somebody who makes a sound while the assistant speaks wants to interrupt it."""

from __future__ import annotations

from collections import deque
from typing import Final

from aura.voice.ear import loudness
from aura.voice.turns import is_backchannel, new_words

SPEECH_SECONDS: Final = 0.3
"""So much speech interrupts, words or not."""
WORDS_ALONE_SECONDS: Final = 3.0
"""In the beginning of a reply words alone interrupt: a microphone that hears the loudspeaker has not been told apart yet."""
RESUME_SECONDS: Final = 2.0
"""After a sound that was no interruption the assistant is loud again at the latest after so long."""
_ECHO_SHARE: Final = 0.5
"""What is softer than half of what is played (-6 dB) may be its echo. Source: loudspeakers of laptops and telephones come
back at -12 dB and less."""
_ECHO_SECONDS: Final = 1.0
"""How long an echo may be on its way: what the client still has in its buffer, and the room."""
_ECHO_ALONE_SECONDS: Final = 0.5
"""After so much echo without a pause nobody has spoken in the sound before it."""


class EchoGate:
    """Tells a voice from the echo of what is being played, by how loud the two are."""

    def __init__(self) -> None:
        self._played: deque[tuple[float, float]] = deque()

    def playing(self, pcm: bytes, begins: float, seconds: float) -> None:
        """`pcm` is played from `begins`, for `seconds`, on the conversation's own time."""
        pieces = max(1, round(seconds / 0.1))
        step = max(2, len(pcm) // pieces // 2 * 2)
        for n in range(pieces):
            part = pcm[n * step : (n + 1) * step]
            self._played.append((begins + n * seconds / pieces, loudness(part)))

    def stop(self, now: float) -> None:
        """What was to be played from `now` on is not."""
        while self._played and self._played[-1][0] > now:
            self._played.pop()

    def may_be_echo(self, heard: float, now: float) -> bool:
        """Whether a sound so loud may come from the loudspeaker."""
        while len(self._played) > 1 and self._played[1][0] < now - _ECHO_SECONDS:
            self._played.popleft()
        loudest = max((level for at, level in self._played if at <= now + 0.1), default=0.0)
        return heard <= loudest * _ECHO_SHARE


class BargeIn:
    """One sound, from `began` on, when somebody seems to speak; `interrupts` is asked again and again while it goes on."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._voiced = self._echo = 0.0
        self._said = ""

    def heard(self, seconds: float, *, echo: bool) -> None:
        """So much more speech was heard, or what may be the echo of the reply; much echo shows that nobody speaks."""
        self._echo = self._echo + seconds if echo else 0.0
        if self._echo >= _ECHO_ALONE_SECONDS:
            self._voiced = 0.0
        self._voiced += 0.0 if echo else seconds

    def recognised(self, said: str, playing: str) -> None:
        """`said` is what was understood of it so far; what it shares with what is playing may be an echo."""
        self._said = said if new_words(said, playing) else ""

    @property
    def has_words(self) -> bool:
        """Whether somebody has said a word of their own, and more than that they listen."""
        return not is_backchannel(self._said)

    def interrupts(self, played_seconds: float) -> bool:
        """Whether it is one by now, when so much of the reply has been played."""
        return self.has_words or (played_seconds >= WORDS_ALONE_SECONDS and self._voiced >= SPEECH_SECONDS - 1e-9)

    def is_over(self, now: float) -> bool:
        """Whether it has gone on for so long without interrupting that it will not."""
        return now - self.began >= RESUME_SECONDS
