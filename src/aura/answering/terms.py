"""The terms of a text: stems, numbers, identifiers and names, in English, German or French.

One stemmer serves a whole prompt: the Snowball stemmer of the language whose function words are the most frequent in it.
A stemmer per passage would give one word two stems; none at all loses German and French inflection. Texts in other
languages are matched with the English stemmer, which leaves most of their words as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

import snowballstemmer

from aura.answering.lexicon import IRREGULAR_VERBS, LIGHT_WORDS, NUMBER_WORDS, STOP_WORDS, SYNONYMS, Language


class Kind(StrEnum):
    """What a term is; everything but a word must be matched exactly."""

    WORD = "word"
    NAME = "name"
    NUMBER = "number"
    IDENTIFIER = "identifier"


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 (Snowball's name)


class Term(NamedTuple):
    """A content word at `[start, end)`. `key` is what terms are compared by; parts of a compound follow their whole."""

    key: str
    kind: Kind
    start: int
    end: int
    part: bool = False


# A run of word characters, held together by single joiners: e-mail, v1.2.3, ada@acme.test, POST paths, 06:00.
_TOKEN = re.compile(r"\w+(?:[-.,_/:@·]\w+)*")
_PLAIN_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|e|er|ère|ème|te|ten|ter)")
_GROUPED: dict[Language, re.Pattern[str]] = {
    "english": re.compile(r"(?<![\d.,])(\d{1,3}(?:[,\u00a0\u202f]\d{3})+)(\.\d+)?(?!\d)"),
    "german": re.compile(r"(?<![\d.,])(\d{1,3}(?:[.\u00a0\u202f]\d{3})+)(,\d+)?(?!\d)"),
    "french": re.compile(r"(?<![\d.,])(\d{1,3}(?:[. \u00a0\u202f]\d{3})+)(,\d+)?(?!\d)"),
}


def language_of(texts: Iterable[str], *more: str) -> Language:
    """The language whose function words are the most frequent in `texts`; in `more` on a tie, and English on another."""
    first, second = _function_words(texts), _function_words(more)
    return max(STOP_WORDS, key=lambda language: (first[language], second[language]))


def _function_words(texts: Iterable[str]) -> dict[Language, int]:
    words = [word for text in texts for word in re.findall(r"[^\W\d_]+", text.lower())]
    return {language: sum(map(stop_words.__contains__, words)) for language, stop_words in STOP_WORDS.items()}


def terms(text: str, language: Language) -> list[Term]:
    """The content terms of `text` in order; function words are left out."""
    found: list[Term] = []
    stop_words = STOP_WORDS[language]
    text = _GROUPED[language].sub(_without_separators, text)
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.lower() in stop_words:
            continue
        if token.isalpha():
            if term := _term(text, token, match.start(), language):
                found.append(term)
        else:
            found.extend(_compound(text, token, match.start(), language))
    return found


def _compound(text: str, token: str, start: int, language: Language) -> list[Term]:
    """The terms of a token that is not plain letters: itself if it names one thing, and its parts."""
    if _PLAIN_NUMBER.fullmatch(token) or _ORDINAL.fullmatch(token):
        pieces = [token]
    elif re.fullmatch(r"(?:[^\W\d]\.)+[^\W\d]|[^\W\d]-[^\W\d]+", token):  # p.m, e.g, e-mail, X-ray
        return [Term(stem(re.sub(r"[.-]", "", token), language), Kind.WORD, start, start + len(token))]
    else:
        pieces = re.split(r"[-/@_·:,]", token)
    found: list[Term] = []
    one_thing = len(pieces) > 1 and re.search(r"[\d_@/.]", token) is not None
    if one_thing:
        found.append(Term(_squashed(token), Kind.IDENTIFIER, start, start + len(token)))
    for piece in pieces:
        found.extend(_piece(text, piece, start, language, one_thing))
        start += len(piece) + 1
    return found


def _piece(text: str, piece: str, start: int, language: Language, part: bool) -> list[Term]:
    """A piece between joiners; names with full stops, like config.toml and acme.test, also count by their words."""
    if "." not in piece or any(map(str.isdigit, piece)):
        term = _term(text, piece, start, language, part) if piece else None
        return [term] if term else []
    found = [Term(piece.casefold(), Kind.IDENTIFIER, start, start + len(piece), part)]
    for word in re.finditer(r"[^.]+", piece):
        if term := _term(text, word.group(), start + word.start(), language, part=True):
            found.append(term)
    return found


@lru_cache(maxsize=65_536)
def stem(word: str, language: Language) -> str:
    """The Snowball stem of a word, without case and accents.

    German verbs also lose the ge- and -t of their participles, which Snowball keeps: gemeldet, melden → meld. English
    -ize is read as -ise, and led as lead.
    """
    word = IRREGULAR_VERBS.get(word, word) if language == "english" else word
    key = _fold(_stemmer(language).stemWord(word.casefold()))
    if language == "german" and word[:1].islower():
        key = key.removeprefix("ge") if len(word) >= 7 else key
        key = re.sub(r"e?t$", "", key) if len(key) >= 5 else key
    return key


def is_light(word: str, language: Language) -> bool:
    """Whether matching or missing this stem says little."""
    return word in _light_stems(language)


@lru_cache(maxsize=8)
def synonyms(language: Language) -> dict[str, frozenset[str]]:
    """The stems that mean about the same, by stem."""
    found: dict[str, set[str]] = {}
    for group in SYNONYMS[language]:
        stems = {stem(word, language) for word in group}
        for key in stems:
            found.setdefault(key, set()).update(stems - {key})
    return {key: frozenset(others) for key, others in found.items()}


def _term(text: str, piece: str, start: int, language: Language, part: bool = False) -> Term | None:
    end = start + len(piece)
    if not piece.isalpha() or piece.lower() in NUMBER_WORDS[language]:
        number = _number(piece.lower(), language)
        return Term(number or _squashed(piece), Kind.NUMBER if number else Kind.IDENTIFIER, start, end, part)
    if not part and (len(piece) == 1 or piece.lower() in STOP_WORDS[language]):
        return None
    kind = Kind.WORD
    if piece[0].isupper():
        acronym = len(piece) > 1 and piece.isupper()
        if acronym or (language != "german" and not _opens(text, start)):
            kind = Kind.NAME
    return Term(stem(piece, language), kind, start, end, part)


def _opens(text: str, start: int) -> bool:
    """Whether a capital letter here is owed to the start of a sentence, cell or list item."""
    before = text[max(0, start - 8) : start].rstrip(" \t\"'“„«(¿¡")
    return not before or before[-1] in ".!?:|\n>*•–-"


def _number(lower: str, language: Language) -> str | None:
    if _PLAIN_NUMBER.fullmatch(lower):
        whole = lower.replace(",", ".")
        return re.sub(r"(?<![\d.:])0+(?=\d)", "", whole)
    if ordinal := _ORDINAL.fullmatch(lower):
        return ordinal.group(1)
    return NUMBER_WORDS[language].get(lower)


def _without_separators(match: re.Match[str]) -> str:
    """3,000 as 3000, padded so that no position moves."""
    number = re.sub(r"\D", "", match.group(1)) + (match.group(2) or "")
    return number.ljust(len(match.group()))


def _squashed(token: str) -> str:
    key = re.sub(r"[-_/ ]", "", token.casefold())
    return key[1:] if re.fullmatch(r"v\d[\w.]*", key) else key


def _fold(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def _stemmer(language: Language) -> _Stemmer:
    # A stemmer holds the word it is at, so one for all threads would mix them up; making one costs 4 microseconds.
    return snowballstemmer.stemmer(language)


@lru_cache(maxsize=8)
def _light_stems(language: Language) -> frozenset[str]:
    return frozenset(stem(word, language) for word in LIGHT_WORDS[language])
