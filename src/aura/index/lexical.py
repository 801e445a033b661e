"""The pieces of exact BM25: terms, term ids, weights, and pgvector's text form of a sparse vector.

A chunk is indexed under every word of it, stop words too; a query drops its stop words unless it has nothing else. So
"how does the refund work" is ranked by `refund` and `work`, "to be or not to be" still finds its chunk, and changing the
list needs no new index.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import islice, pairwise
from math import log

import msgspec

# PyStemmer, where it happens to be installed, replaces `snowballstemmer.stemmer` by another release of the algorithm. The
# class itself is the same everywhere, so an index and its queries agree on every machine.
from snowballstemmer.english_stemmer import EnglishStemmer

DIMENSIONS = 1_000_000_000
"""The most dimensions that pgvector's `sparsevec` has. With 200,000 different terms about 20 pairs share an id."""
MAX_TERMS = 16_000
"""The most non-zero elements that a `sparsevec` holds; what a text has after so many terms is not indexed."""
MAX_TERM_LENGTH = 64
"""Characters; a longer word is indexed by its beginning, in chunks and queries alike."""

_CACHED_WORDS = 30_000  # about 8 MB when full; the pure Python stemmer needs 20 to 60 µs for a word

_ENGLISH = """
    a about am an and any are as at be been being but by can could did do does for from had has have he her his how i if
    in into is it its me might my no not of on or our over shall she should so such than that the their them then there
    these they this those to under us was we were what when where which who whom whose why will with would you your
    aren't can't couldn't didn't doesn't don't hasn't haven't i'd i'll i'm i've isn't shouldn't they're they've wasn't
    we'd we'll we're we've weren't won't wouldn't you're you've
"""
STOP_WORDS = frozenset(_ENGLISH.split())
"""English function words and the words that questions are made of, folded."""

# Scripts that put no spaces between words (Thai, Lao, Myanmar, Khmer, kana, Han), and Hangul, whose particles are glued
# on: these are indexed by characters and pairs of them, as no dictionary is needed for that.
_UNSPACED = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Python's \w leaves out the vowel signs of Devanagari, Tamil, Arabic ..., which would cut words of these scripts apart.
_MARKS = "".join(c for c in map(chr, range(0x300, 0x1E00)) if unicodedata.category(c)[0] == "M")
_WORD = rf"(?:[^\W_{_UNSPACED}]++[{_MARKS}]*+)++"
# A word may hold single joints (v1.2.3, foo_bar, E-4711, O'Brien, a@b.test, 24/7, 10:30, 1,000) and end as C++ and C# do.
# A longer chain is several words, so the work for one is bounded.
_JOINT = r"(?:[._@'/:&+-]|__|(?<=\d),(?=\d))"
_PATTERN = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|{_WORD}(?:{_JOINT}{_WORD}){{0,15}}+(?:\+\+|\#)?")
_JOINTS = re.compile(r"[._@'/:&+\-,#]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_VERSION = re.compile(r"v\d+(?:\.\d+)+")
_DIACRITICS = re.compile("[\u0300-\u036f]+")

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
# NFKC would turn "Acme™" into "AcmeTM" and the footnote of "revenue¹" into "revenue1".
_RAISED = dict.fromkeys(map(ord, "™℠®©ªº⁰¹²³⁴⁵⁶⁷⁸⁹"), " ")
_VARIANTS = dict.fromkeys(map(ord, "‘’ʼ＇"), "'") | dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2212"), "-")
_CLEAN = _INVISIBLE | _RAISED | _VARIANTS


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What BM25 must know of a whole collection: how many chunks it has, and how many terms all of them have."""

    chunks: int
    total_length: int

    @property
    def average_length(self) -> float:
        """Terms per chunk; 0 for an empty collection."""
        return self.total_length / self.chunks if self.chunks > 0 else 0.0


def tokenize(text: str) -> list[str]:
    """The terms that `text` is indexed under, in order, at most `MAX_TERMS`.

    Case and accents are folded (a German or French word is found however it was typed) and English words are stemmed.
    An identifier such as `v1.2.3`, `foo_bar`, `E-4711`, `O'Brien` or an e-mail address is one term, and so is each of its
    parts; of words merely joined (`dose-dependent`, `and/or`) the parts alone are terms. Chinese, Japanese, Korean and
    Thai are indexed by single characters and pairs of them.
    """
    return list(islice((term for word in _words(text) for term in _analyse(word)), MAX_TERMS))


def tokenize_query(text: str) -> list[str]:
    """The terms that `text` asks for: those of `tokenize` without stop words, or all where nothing else is left.

    Capitals save a word in an otherwise mixed text: "IT" of "our IT rules" and "US" of "US law" are asked for.
    """
    words = list(islice(_words(text), MAX_TERMS))
    mixed_case = any(word.islower() for word in words)
    telling = [word for word in words if not _is_stop_word(word) or (mixed_case and len(word) > 1 and word.isupper())]
    return list(islice((term for word in telling or words for term in _analyse(word)), MAX_TERMS))


@lru_cache(maxsize=_CACHED_WORDS)
def term_id(term: str) -> int:
    """The index of `term` in every sparse vector, in 1 … `DIMENSIONS`: the same in each process and release."""
    digest = blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % DIMENSIONS + 1


def term_counts(text: str) -> dict[int, int]:
    """How often a chunk has each term. Their sum is the chunk's length."""
    return dict(Counter(map(term_id, tokenize(text))))


def query_counts(text: str) -> dict[int, int]:
    """How often a query asks for each term."""
    return dict(Counter(map(term_id, tokenize_query(text))))


def idf(chunks: int, document_frequency: int) -> float:
    """How much a term tells that `document_frequency` of `chunks` chunks have; positive, even if every chunk has it.

    Source: the weight of Robertson and Sparck Jones in the form of Lucene's BM25Similarity, ln(1 + (N - df + 0.5) /
    (df + 0.5)), which unlike the original never turns negative.
    """
    found = min(document_frequency, chunks)  # counts may be read a moment apart
    return log(1 + (chunks - found + 0.5) / (found + 0.5))


def weights(
    counts: Mapping[int, int], length: int, average_length: float, k1: float = 1.2, b: float = 0.75
) -> dict[int, float]:
    """A chunk's side of BM25: the inner product with `query_weights` is its score. Each weight is below 1.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), without the factor
    k1 + 1, as Lucene since version 8: it scales every score alike.
    """
    relative_length = length / average_length if average_length > 0 else 1.0
    saturation = k1 * (1 - b + b * relative_length)
    return {term: count / (count + saturation) for term, count in counts.items()}


def query_weights(counts: Mapping[int, int], document_frequencies: Mapping[int, int], chunks: int) -> dict[int, float]:
    """A query's side of BM25: idf times count, for the terms that some chunk has."""
    return {
        term: count * idf(chunks, frequency)
        for term, count in counts.items()
        if (frequency := document_frequencies.get(term, 0)) > 0
    }


def to_sparsevec(weights: Mapping[int, float]) -> str:
    """pgvector's text form `{index:value,…}/dimensions`, by index. Nine digits keep a float4 exactly."""
    elements = ",".join(f"{index}:{value:.9g}" for index, value in sorted(weights.items()) if value)
    return f"{{{elements}}}/{DIMENSIONS}"


def from_sparsevec(text: str) -> dict[int, float]:
    """The elements of pgvector's text form, by index."""
    elements = text[1 : text.index("}")]
    pairs = (element.split(":") for element in elements.split(",") if element)
    return {int(index): float(value) for index, value in pairs}


def _words(text: str) -> Iterator[str]:
    """Each word as it stands in `text`, compatibility forms and typographic variants made one."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_CLEAN))
    for match in _PATTERN.finditer(text):
        if match["unspaced"]:
            yield from _character_terms(match.group())
        else:
            yield match.group()


def _character_terms(run: str) -> Iterator[str]:
    yield run[0]
    for left, right in pairwise(run):
        yield left + right
        yield right


def _analyse(word: str) -> tuple[str, ...]:
    return _terms(word) if len(word) <= MAX_TERM_LENGTH else _terms.__wrapped__(word)


@lru_cache(maxsize=_CACHED_WORDS)
def _terms(word: str) -> tuple[str, ...]:
    """The terms of one word: itself folded and stemmed, or a compound and its parts."""
    word = _fold(word)
    if _THOUSANDS.fullmatch(word):
        return (word.replace(",", ""),)
    parts = [_stem(part[:MAX_TERM_LENGTH]) for part in _JOINTS.split(word) if part]
    if (len(parts) == 1 and word[-1] not in "+#") or not _is_identifier(word):
        return tuple(parts)
    release = [word[1:]] if _VERSION.fullmatch(word) else []  # "version 1.2.3" finds "v1.2.3"
    return tuple(dict.fromkeys([word[:MAX_TERM_LENGTH], *release, *parts]))


def _fold(word: str) -> str:
    word = word.casefold()
    if not word.isascii():
        word = unicodedata.normalize("NFC", _DIACRITICS.sub("", unicodedata.normalize("NFKD", word)))
    return word.removesuffix("'s")


def _is_identifier(word: str) -> bool:
    """Whether a compound means more than its parts: it has a digit or a joint that prose does not use."""
    return any(c.isdigit() or c in "._@'+#&" for c in word)


def _is_stop_word(word: str) -> bool:
    return word.lower().removesuffix("'s") in STOP_WORDS


def _stem(term: str) -> str:
    # A stemmer holds the word it is at, so one for all threads would mix them up; making one costs a microsecond.
    return EnglishStemmer().stemWord(term) if term.isascii() else term
