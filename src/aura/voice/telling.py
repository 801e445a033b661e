"""What a reply's client is told of its text: each piece as it is about to be heard, and what it cites."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from aura.voice.events import ReplySources, ReplyText, TalkEvent
from aura.voice.playback import Playback
from aura.voice.reading import Reading
from aura.voice.speakable.words import Spoken


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to be said of an answer from its character `start` on, when `heard_ms` of its speech were played."""

    pieces: tuple[Spoken, ...]
    start: int
    heard_ms: int


class Pieces:
    """The pieces of a text in the order in which they come, for a voice that may wait for the next.

    `whole`: there are no more to come.
    """

    def __init__(self) -> None:
        self.whole = False
        self._all: list[Spoken] = []
        self._more = asyncio.Event()

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, n: int) -> Spoken:
        return self._all[n]

    def add(self, pieces: Iterable[Spoken]) -> None:
        """These have come."""
        self._all.extend(pieces)
        self._more.set()

    def end(self) -> None:
        """That was all."""
        self.whole = True
        self._more.set()

    async def get(self, n: int) -> Spoken | None:
        """The nth piece, when it is there; None behind the last."""
        while n >= len(self._all):
            if self.whole:
                return None
            self._more.clear()
            await self._more.wait()
        return self._all[n]


class Telling:
    """Tells one reply's text, its citations and its sources, each once.

    `begun` pieces are heard, or about to be, and `shown` were told, which may be more where a voice has broken off. `until`
    is where in the answer's text that ends which was told.

    Args:
        rest: what alone is told of it: the client knows what comes before, and the sources.
    """

    def __init__(
        self,
        reading: Reading,
        pieces: Pieces,
        playback: Playback,
        *,
        post: Callable[[TalkEvent], None],
        rest: Rest | None = None,
    ) -> None:
        self.begun = self.shown = 0
        self.until = 0 if rest is None else rest.start
        self._reading = reading
        self._pieces = pieces
        self._playback = playback
        self._post = post
        self._cited = 0
        self._owes_sources = rest is None

    @property
    def waits(self) -> bool:
        """Whether there is nothing to go on with: all pieces that have come were begun."""
        return self.begun >= len(self._pieces)

    def again(self) -> int:
        """Go back to the piece that broke off, which is said again, whole; its number."""
        self.begun = max(0, self.shown - 1)
        return self.begun

    def sources(self) -> None:
        """What the answer draws on, once it is known."""
        if self._owes_sources and self._reading.passages is not None:
            self._owes_sources = False
            self._post(ReplySources(passages=self._reading.passages))

    def show(self, n: int) -> None:
        """The pieces up to the nth, which is about to be heard, with what stands between them."""
        while self.begun <= n:
            piece = self._pieces[self.begun]
            self._playback.begin(piece)
            if self.begun == self.shown:  # else it is said again
                self.shown += 1
                self._post_text(self._reading.text[self.until : piece.end], piece.text)
                self.until = max(self.until, piece.end)
            self.begun += 1

    def finish(self) -> None:
        """What stands behind the last piece, and the citations that no piece has."""
        self._playback.finish()
        rest = self._reading.text[self.until :]
        if rest or self._cited < len(self._reading.citations):
            self.until = len(self._reading.text)
            self._post_text(rest, "")

    def _post_text(self, text: str, spoken: str) -> None:
        cited = tuple(self._reading.citations[self._cited :])
        due = tuple(each for each in cited if f"[{each.marker}]" in text or not spoken)
        self._cited += len(due)
        self._post(ReplyText(text=text, spoken=spoken, citations=due))
