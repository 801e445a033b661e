"""Embeddings of a caller's own texts by the model of the index: a bounded number at a time, and kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from aura.errors import InvalidRequest
from aura.identity import Scope, Verb
from aura.index.batching import Vectors
from aura.index.embedding import EmbeddingModel

MOST_TEXTS: Final = 256
"""Texts of one call. More would let one caller's call stand before everybody else's questions."""
LONGEST_TEXT: Final = 100_000
"""Characters of one text. The model reads its first `max_tokens` tokens."""


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """`vectors` are `(n, dimension) float32` of unit length, in the order of the texts; `tokens` of all texts together."""

    vectors: Vectors
    tokens: int


class Embeddings:
    """The embedding model, for whoever may read or ask."""

    def __init__(self, scope: Scope, embedder: EmbeddingModel) -> None:
        self._scope = scope
        self._embedder = embedder

    @property
    def model(self) -> str:
        """The model's name."""
        return self._embedder.model_name

    @property
    def dimension(self) -> int:
        """How many numbers each vector has."""
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """The vectors of `texts`.

        Raises:
            Denied: an API key acts that may neither `read` nor `ask`.
            InvalidRequest: there is no text, there are more than `MOST_TEXTS`, or one is empty or too long.

        Cost: one call of the embedding model, batched with those of other callers.
        """
        if not self._scope.may(Verb.ASK):
            self._scope.require(Verb.READ)
        _refuse_unusable(texts)
        vectors, tokens = await asyncio.gather(self._embedder.embed(texts), asyncio.to_thread(self._tokens, texts))
        return Embedded(vectors=vectors, tokens=tokens)

    def _tokens(self, texts: Sequence[str]) -> int:
        return sum(self._embedder.count_tokens(text) for text in texts)


def _refuse_unusable(texts: Sequence[str]) -> None:
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise InvalidRequest(f"a call embeds 1 to {MOST_TEXTS} texts, not {len(texts)}", field="input")
    for n, text in enumerate(texts):
        if not text.strip():
            raise InvalidRequest(f"text {n} is empty", field="input")
        if len(text) > LONGEST_TEXT:
            raise InvalidRequest(
                f"text {n} has {len(text)} characters, more than {LONGEST_TEXT}: cut it", field="input"
            )
