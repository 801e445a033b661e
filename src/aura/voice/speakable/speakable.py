"""`Speakable`: an answer that is being written becomes the pieces that are read out, each as early as it sounds whole."""

from __future__ import annotations

from typing import Final

from aura.voice.speakable.blocks import Kind, block_at
from aura.voice.speakable.cardinals import Language
from aura.voice.speakable.sentences import clause_end, forced_cut, sentence_end
from aura.voice.speakable.words import Spoken, Word, spoken

LONGEST_PIECE: Final = 240
"""Characters after which a piece is cut, whether or not a sentence ends."""
LONGEST_WAIT_SECONDS: Final = 1.5
"""How long words may wait for the end of their sentence: whoever feeds calls `flush` then."""
_SHOWN: Final[dict[Language, dict[Kind, str]]] = {
    "en": {"code": "The code is on your screen.", "table": "The table is on your screen."},
    "de": {"code": "Den Code sehen Sie auf dem Bildschirm.", "table": "Die Tabelle sehen Sie auf dem Bildschirm."},
}


class Speakable:
    """What an answer's text sounds like, piece by piece.

    The pieces' places in the text follow each other without a gap, so that what was heard can be told from how much of
    them was played.

    Args:
        language: what numbers, dates and abbreviations are read in; None leaves them as they are written.
        start: where in the answer's text to begin: before it everything was heard.
    """

    def __init__(self, language: Language | None = "en", *, start: int = 0) -> None:
        self._language: Language | None = language
        self._text = ""
        self._at = 0
        self._skip = start
        self._line_start = True
        self._first = True

    @property
    def text(self) -> str:
        """All that was fed."""
        return self._text

    @property
    def waiting(self) -> bool:
        """Whether there is text that no piece has yet."""
        return bool(self._text[self._at :].strip())

    def feed(self, delta: str) -> list[Spoken]:
        """The pieces that `delta` makes whole; often none."""
        self._text += delta
        return self._heard_before(self._pieces(final=False))

    def finish(self) -> list[Spoken]:
        """The pieces that are left: nothing will be fed any more."""
        return self._heard_before(self._pieces(final=True))

    def flush(self) -> list[Spoken]:
        """What can be said by now of a sentence that does not end: for a pause in the text. Often nothing."""
        block = block_at(self._text, self._at, line_start=self._line_start, final=False)
        if block is None or block.kind != "prose":
            return []
        cut = forced_cut(self._text, self._at, block.end)
        return [] if cut is None else self._heard_before(self._said(cut))

    def _pieces(self, *, final: bool) -> list[Spoken]:
        found: list[Spoken] = []
        while self._at < len(self._text):
            block = block_at(self._text, self._at, line_start=self._line_start, final=final)
            if block is None:
                break
            if block.kind != "prose":
                found += self._shown(block.kind, block.end)
                continue
            cut = self._cut(block.end, block.whole)
            if cut is None:
                break
            found += self._said(cut)
        return found

    def _cut(self, end: int, whole: bool) -> int | None:
        cut = sentence_end(self._text, self._at, end, self._language, final=whole)
        if cut is None and self._first:
            cut = clause_end(self._text, self._at, end)
        if cut is None and whole:
            cut = end
        if (end if cut is None else cut) - self._at > LONGEST_PIECE:
            forced = forced_cut(self._text, self._at, self._at + LONGEST_PIECE)
            cut = cut if forced is None else forced
        return cut

    def _said(self, end: int) -> list[Spoken]:
        piece = spoken(self._text, self._at, end, self._language)
        self._line_start = self._text[end - 1] == "\n"
        self._at = end
        self._first = self._first and not piece.text
        return [piece]

    def _shown(self, kind: Kind, end: int) -> list[Spoken]:
        said = _SHOWN[self._language or "en"].get(kind, "")
        words = (Word(text=said, at=0, start=self._at, end=end),) if said else ()
        piece = Spoken(text=said, start=self._at, end=end, words=words)
        self._at, self._line_start = end, True
        self._first = self._first and not said
        return [piece]

    def _heard_before(self, pieces: list[Spoken]) -> list[Spoken]:
        """`pieces` without what is not read out, and what stands before the place to begin at."""
        found: list[Spoken] = []
        for piece in pieces:
            if piece.end <= self._skip:
                continue
            if piece.start < self._skip:
                piece = spoken(self._text, self._skip, piece.end, self._language)
            if any(each.isalnum() for each in piece.text):
                found.append(piece)
        return found
