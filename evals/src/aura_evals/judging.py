"""Whether an answer is right, decided without a model: facts that must be in it, and citations that must prove it.

AURA checks citations itself before it sends them; this check shares no code with that one, so that a fault there shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aura_evals.golden import folded

LEAST_IN_QUOTE, LEAST_AROUND = 0.4, 0.6
"""The share of a sentence's words that its quote must have, and the quote with what stands around it."""
_BEFORE, _NEAR, _AFTER = 1_500, 400, 100
"""Characters around a quote: headings and a table's header stand before it; a record's own name stands near."""

_SENTENCE = re.compile(r".+?(?:\[\d+\](?:\s*\[\d+\])*[.!?…]*|(?<=[.!?…])(?=\s)|$)", re.DOTALL)
_MARKERS = re.compile(r"\[(\d+)\]")
_WORD = re.compile(r"[^\W_]+(?:[.,:'’-][^\W_]+)*")


def sentences(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """The sentences of an answer, each with the markers that stand in or behind it."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for match in _SENTENCE.finditer(text):
        markers = tuple(int(number) for number in _MARKERS.findall(match.group()))
        words = _MARKERS.sub("", match.group()).strip(" .\n")
        if words:
            found.append((words, markers))
        elif markers and found:
            found[-1] = (found[-1][0], (*found[-1][1], *markers))
    return found


def supported(sentence: str, document: str, start: int, end: int) -> bool:
    """Whether `document[start:end]`, read where it stands, says what `sentence` says.

    Every number and code of the sentence must be in the quote or near it; enough of its other words in the quote itself,
    and more of them in the quote with what stands around it.
    """
    words = _words(sentence)
    if not words or not 0 <= start < end <= len(document):
        return False
    quote = set(_words(document[start:end]))
    near = quote | set(_words(document[max(0, start - _NEAR) : end]))
    around = near | set(_words(document[max(0, start - _BEFORE) : end + _AFTER]))
    if any(word not in near for word in words if any(letter.isdigit() for letter in word)):
        return False
    return _share(words, quote) >= LEAST_IN_QUOTE and _share(words, around) >= LEAST_AROUND


def states(text: str, fact: Sequence[str]) -> bool:
    """Whether a text states a fact in one of the accepted ways, as whole words."""
    written = folded(text)
    return any(re.search(rf"(?<![\w])(?:{re.escape(folded(way))})(?![\w])", written) for way in fact)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _share(words: Sequence[str], found: set[str]) -> float:
    return sum(word in found for word in words) / len(words)
