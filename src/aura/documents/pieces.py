"""Cutting a text where it hurts least: between sentences, then lines, clauses, words, and only then inside a word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from aura.documents.tokens import TokenCounter

# One set of first characters for all alternatives lets the search skip from one to the next: twice as fast.
_SENTENCE = re.compile(
    r"""[.!?…。！？\n](?:(?<=[.!?…])[.!?…]*["'”’»)\]]*\s+|(?<=[。！？])[。！？]*[」』”’）]*|(?<=\n)\s*\n)"""
)
_ABBREVIATIONS = {
    *(
        "e.g",
        "i.e",
        "a.m",
        "p.m",
        "u.s",
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "sr",
        "jr",
        "st",
        "no",
        "nr",
        "vs",
        "cf",
        "fig",
    ),
    *("eq", "sec", "art", "approx", "inc", "ltd", "co", "corp", "dept", "est", "al", "ca", "bzw", "usw", "ggf", "inkl"),
    *("zzgl", "evtl", "vgl", "abs", "str"),
}
_BOUNDARIES = (
    _SENTENCE,
    re.compile(r"\n+"),
    re.compile(r"""[,;:]\s+|[，、；：]|\s[–—|-]\s|,(?=["{\[])"""),
    re.compile(r"\s+"),
)
_JOINERS = "\u200d\ufe0e\ufe0f"


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A span of the text that is not cut further, without white space at its ends."""

    start: int
    end: int
    tokens: int


def cut(text: str, *, base: int, wanted: int, limit: int, characters: int, count: TokenCounter) -> Iterator[Piece]:
    """Pieces that cover `text` but for white space. Whole if it has at most `wanted` tokens, else none above `limit`.

    Args:
        base: where the text begins; the pieces' spans count from there.
        characters: no piece is longer than this either.
    """
    return _cut(text, base, 0, wanted, limit, characters, count)


def _cut(
    text: str, base: int, level: int, wanted: int, limit: int, characters: int, count: TokenCounter
) -> Iterator[Piece]:
    base += len(text) - len(text.lstrip())
    text = text.strip()
    if not text:
        return
    # What is this long is not counted as a whole: its parts are, and the caller puts them together again.
    tokens = count(text) if len(text) <= min(characters, 7 * wanted) else limit + 1
    if tokens <= wanted:
        yield Piece(start=base, end=base + len(text), tokens=tokens)
    elif level < len(_BOUNDARIES):
        for start, end in _parts(text, _BOUNDARIES[level]):
            yield from _cut(text[start:end], base + start, level + 1, limit, limit, characters, count)
    else:
        yield from _cut_word(text, base, limit, min(limit, characters), count)


def _parts(text: str, boundary: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    start = 0
    for match in boundary.finditer(text):
        if boundary is _SENTENCE and _goes_on(text, match):
            continue
        yield start, match.end()
        start = match.end()
    yield start, len(text)


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether a full stop ends an abbreviation rather than a sentence."""
    if not match[0].startswith("."):
        return False
    if text[match.end() : match.end() + 1].islower():
        return True
    words = text[max(0, match.start() - 8) : match.start()].split()
    word = words[-1].strip("(\"'").lower() if words else ""
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def _cut_word(text: str, base: int, limit: int, length: int, count: TokenCounter) -> Iterator[Piece]:
    start = 0
    while start < len(text):
        end = before_joined(text, min(len(text), start + length), start)
        tokens = count(text[start:end])
        while tokens > limit and end - start > 1:
            end = before_joined(text, start + (end - start) // 2, start)
            tokens = count(text[start:end])
        yield Piece(start=base + start, end=base + end, tokens=tokens)
        start = end


def before_joined(text: str, position: int, start: int) -> int:
    """`position`, or a little before it so that a letter keeps its accents and an emoji its parts; above `start`."""
    for candidate in range(position, max(start, position - 32), -1):
        if candidate >= len(text) or not _joined(text[candidate - 1], text[candidate]):
            return candidate
    return max(position, start + 1)


def _joined(before: str, character: str) -> bool:
    return (
        character in _JOINERS
        or before == "\u200d"
        or unicodedata.combining(character) != 0
        or unicodedata.category(character) in ("Mn", "Me", "Mc")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
