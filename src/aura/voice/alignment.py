"""From a vendor's times of the characters that it has read, to the places of those characters in the text it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aura.voice.ports import Span

_AHEAD: Final = 24
"""How far a character is looked for: what a vendor leaves out is short."""


class Aligner:
    """Follows one speech. Characters that the vendor has put in are passed over, those that it has left out, too.

    A vendor tells times from the beginning of the piece that they come with, or of the whole speech; which, is told from the
    first of them.
    """

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        self._seconds = 0.0

    @property
    def cut_off(self) -> bool:
        """Whether the times that were told end long before the text does. False where none were told."""
        return self._at > 0 and sum(map(str.isalnum, self._text[self._at :])) > _AHEAD

    def given(self, text: str) -> None:
        """The vendor is given `text`, behind what it had."""
        self._text += text

    def spans(
        self, characters: Sequence[str], starts: Sequence[float], ends: Sequence[float], *, piece_seconds: float
    ) -> tuple[Span, ...]:
        """The spans of a piece of `piece_seconds`, whose characters are heard from `starts` to `ends`, in seconds."""
        first = starts[0] if starts else 0.0
        offset = self._seconds if abs(first) <= abs(first - self._seconds) else 0.0
        self._seconds += piece_seconds
        found = list[Span]()
        for character, start, end in zip(characters, starts, ends, strict=False):
            place = self._text.find(character, self._at, self._at + _AHEAD)
            if place < 0 or (character.isspace() and place > self._at):
                continue
            self._at = place + 1
            found.append(Span(start=place, end=place + 1, start_seconds=offset + start, end_seconds=offset + end))
        return tuple(found)
