"""A piece of an answer's text in the words that are read out, each of them with its place in the text."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from aura.voice.speakable.cardinals import Language
from aura.voice.speakable.readings import readings

_MARKER = re.compile(r" ?[\[【]\d+(?:[†\w]*)?(?: ?[,;–-] ?\d+)*[\]】]")
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK = re.compile(r"\[([^\]\n]+)\]\([^)\n]*\)")
_ADDRESS = re.compile(r"<?(?:https?://|www\.)[^\s<>)\]]*[^\s<>)\].,;:!?]>?")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>|<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"(`+)(.+?)\1")
_READABLE_CODE = re.compile(r"[\w .-]{1,40}")
_EMPHASIS = re.compile(r"\*{1,3}|~~|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)")
_LINE_START = re.compile(
    r"(?m)(?<![^\n])[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?|\d{1,3}[.)][ \t]+)"
)
_SILENT = re.compile(r"[#>|~^{}\[\]\\]+|[-–—]{2,}|\U0001F300-\U0001FAFF")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\w+?(?=_)|_|\w+|[^\w\s]")
_SPACE = re.compile(r"\s+")
_SIGNS: Final[dict[Language, dict[str, str]]] = {
    "en": {"&": "and", "+": "plus", "=": "equals", "%": "percent", "@": "at", "→": "to", "/": " ", "_": " "},
    "de": {"&": "und", "+": "plus", "=": "gleich", "%": "Prozent", "@": "at", "→": "zu", "/": " ", "_": " "},
}


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What is read out, at `at` in the spoken text, for what stands from `start` to `end` in the answer's text."""

    text: str
    at: int
    start: int
    end: int


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the answer's text, from `start` to `end`, as it is read out: `text`, made of `words`."""

    text: str
    start: int
    end: int
    words: tuple[Word, ...]

    def heard_until(self, characters: int) -> int:
        """The place in the answer's text up to which its listener knows it, who heard so many characters of `text`.

        A word counts once the better half of it was heard.
        """
        if characters >= len(self.text):
            return self.end
        count = sum(word.at + len(word.text) / 2 < characters for word in self.words)
        if count == 0:
            return self.start
        while count < len(self.words) and not any(each.isalnum() for each in self.words[count].text):
            count += 1  # what closes a word was heard with it
        return self.words[count - 1].end


def spoken(text: str, start: int, end: int, language: Language | None) -> Spoken:
    """`text[start:end]` as it is read out. What is not meant for ears has no words: markup, markers, addresses, code.

    Args:
        language: None reads numbers, and what else depends on it, as they are written.
    """
    pieces = _Pieces(language)
    pieces.read(text, start, end)
    said = "".join(pieces.said).rstrip()
    return Spoken(text=said, start=start, end=end, words=tuple(pieces.words))


class _Pieces:
    """The words so far. `_gap` is whether the next one stands apart from the last."""

    def __init__(self, language: Language | None) -> None:
        self.said: list[str] = []
        self.words: list[Word] = []
        self._language: Language | None = language
        self._length = 0
        self._gap = False

    def read(self, text: str, at: int, end: int) -> None:
        """Take up what stands between `at` and `end`."""
        while at < end:
            at = self._silent(text, at, end) or self._reading(text, at, end) or self._word(text, at, end)

    def _silent(self, text: str, at: int, end: int) -> int | None:
        """The place behind what is not read out, if such stands at `at`."""
        for pattern in (_LINE_START, _MARKER, _IMAGE, _ADDRESS, _TAG):
            match = pattern.match(text, at, end)
            if match:
                self._gap = self._gap or pattern is _LINE_START
                return match.end()
        if match := _LINK.match(text, at, end):
            self.read(text, match.start(1), match.end(1))
            return match.end()
        if match := _CODE.match(text, at, end):
            if _READABLE_CODE.fullmatch(match[2]):
                self.read(text, match.start(2), match.end(2))
            return match.end()
        for pattern in (_EMPHASIS, _SILENT):
            if match := pattern.match(text, at, end):
                return match.end()
        if match := _SPACE.match(text, at, end):
            self._gap = True
            return match.end()
        return None

    def _reading(self, text: str, at: int, end: int) -> int | None:
        if self._language is None:
            return None
        for pattern, read in readings(self._language):
            match = pattern.match(text, at, end)
            if match and match.end() > at and (said := read(match)) is not None:
                self._say(said, at, match.end())
                return match.end()
        return None

    def _word(self, text: str, at: int, end: int) -> int:
        match = _WORD.match(text, at, end)
        assert match is not None
        signs: dict[str, str] = {} if self._language is None else _SIGNS[self._language]
        said = signs.get(match[0], match[0])
        if said == " ":
            self._gap = True
        elif said != match[0]:
            self._gap = True
            self._say(said, at, match.end())
            self._gap = True
        else:
            self._say(said, at, match.end())
        return match.end()

    def _say(self, said: str, start: int, end: int) -> None:
        if self._gap and self.said and not (len(said) == 1 and said in ".,;:!?)…"):
            self.said.append(" ")
            self._length += 1
        self._gap = False
        self.words.append(Word(text=said, at=self._length, start=start, end=end))
        self.said.append(said)
        self._length += len(said)
