"""AURA's own embedding model with a memory that outlives the run: the only place that reaches behind AURA's public names.

A model in AURA's place must have the same weights' SHA-256, or AURA would rightly treat it as another one.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import PrivateAttr

from aura import Settings
from aura.index.embedding import EmbeddingModel, open_embedding
from aura_evals.vectors import VectorCache, Vectors


class CachedEmbedding(EmbeddingModel):
    """`inner`, asked only for texts that the cache lacks. Its weights are not even loaded when the cache has them all."""

    _inner: EmbeddingModel = PrivateAttr()
    _cache: VectorCache = PrivateAttr()

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex stores."""
        return "CachedEmbedding"

    def encode(self, texts: list[str]) -> Vectors:
        """Passages as `(n, dimension) float32`."""
        return self._cached(texts, self._inner.encode, "")

    def encode_queries(self, texts: list[str]) -> Vectors:
        """Questions; kept apart from passages, which some models embed otherwise."""
        return self._cached(texts, self._inner.encode_queries, "query:")

    async def warm(self) -> None:
        """Nothing: the weights are loaded when a text is not in the cache."""

    def close(self) -> None:
        """End both models' threads."""
        super().close()
        self._inner.close()

    def _cached(self, texts: list[str], encode: Callable[[list[str]], Vectors], kind: str) -> Vectors:
        return self._cache.embed(
            texts, model_sha256=kind + self.weights_sha256, dimension=self.dimension, encode=encode
        )


def cached_model(settings: Settings, cache: VectorCache) -> CachedEmbedding:
    """The model that `settings` name, with `cache` in front of it. Blocks while its weights are hashed."""
    return with_cache(open_embedding(settings), cache)


def with_cache(inner: EmbeddingModel, cache: VectorCache) -> CachedEmbedding:
    """`inner` with `cache` in front of it."""
    model = CachedEmbedding(
        model_name=inner.model_name,
        embed_batch_size=inner.embed_batch_size,
        dimension=inner.dimension,
        weights_sha256=inner.weights_sha256,
        max_tokens=inner.max_tokens,
        tokenizer=inner.tokenizer,
    )
    model._inner, model._cache = inner, cache  # pyright: ignore[reportPrivateUsage]
    return model
