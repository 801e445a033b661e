"""How many tokens a text has for an embedding model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TokenCounter = Callable[[str], int]
"""How many tokens the embedding model makes of a text, special tokens not counted."""

_LONGEST_KEPT_WORD = 48
# Python parts words at these; BERT's normaliser removes them, so that the word goes on.
_NOT_WHITE_SPACE_TO_BERT = re.compile("[\v\f\x1c-\x1f\x85]")


def token_counter(tokenizer: Tokenizer, *, remembered_words: int = 200_000) -> TokenCounter:
    """The counter of a tokenizer, without its own truncation and padding; the tokenizer itself is not changed.

    Cost: BERT's tokenizers look at words alone, so each word is tokenised once and remembered: 4.4 MB/s on 7 MB of
    abstracts never seen before, and faster later, where tokenising all of it reached 1.8 MB/s.
    """
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.no_truncation()
    plain.no_padding()
    if _looks_at_words_alone(plain):
        return _WordCounts(plain, remembered_words)
    return lambda text: len(plain.encode(text, add_special_tokens=False))


def _looks_at_words_alone(tokenizer: Tokenizer) -> bool:
    parts = json.loads(tokenizer.to_str())
    return all(
        (parts.get(part) or {}).get("type") == kind
        for part, kind in (("normalizer", "BertNormalizer"), ("pre_tokenizer", "BertPreTokenizer"))
    )


class _WordCounts:
    """Counts tokens word by word, and remembers the words. Safe to use from several threads."""

    def __init__(self, tokenizer: Tokenizer, remembered_words: int) -> None:
        self._tokenizer = tokenizer
        self._remembered_words = remembered_words
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        if _NOT_WHITE_SPACE_TO_BERT.search(text):
            text = _NOT_WHITE_SPACE_TO_BERT.sub("", text)
        words = text.split()
        known = self._known
        try:
            return sum(map(known.__getitem__, words))
        except KeyError:
            known = self._learn(words)
        long = [word for word in words if len(word) > _LONGEST_KEPT_WORD]
        short = (known[word] for word in words if len(word) <= _LONGEST_KEPT_WORD)
        return sum(short) + sum(map(len, self._tokenizer.encode_batch_fast(long, add_special_tokens=False)))

    def _learn(self, words: list[str]) -> dict[str, int]:
        known = self._known
        if len(known) > self._remembered_words:
            # Not cleared: another thread may be counting with it.
            known = self._known = {}
        new = [word for word in {*words} if len(word) <= _LONGEST_KEPT_WORD and word not in known]
        for word, encoding in zip(new, self._tokenizer.encode_batch_fast(new, add_special_tokens=False), strict=True):
            known[word] = len(encoding)
        return known
