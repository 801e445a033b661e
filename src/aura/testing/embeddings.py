"""An embedding model without weights: instant, deterministic, and good enough that related texts are near."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256, shake_128
from math import log1p

import numpy as np
from numpy.typing import NDArray

from aura.index.embedding import EmbeddingModel, approximate_tokenizer
from aura.index.lexical import term_counts, tokenize_query


class HashEmbedding(EmbeddingModel):
    """Projects the stems of a text on random directions: texts that share words are near, others at right angles."""

    def __init__(self, dimension: int = 256, *, name: str = "hash") -> None:
        """Models of another `dimension` or `name` have other weights, to play a change of model."""
        super().__init__(
            model_name=f"{name}-{dimension}",
            embed_batch_size=256,
            dimension=dimension,
            weights_sha256=sha256(f"{name}-{dimension}".encode()).hexdigest(),
            max_tokens=254,
            tokenizer=approximate_tokenizer(),
        )

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex stores."""
        return "HashEmbedding"

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """`(n, dimension) float32` of unit length; a text without words has the direction of its own."""
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> NDArray[np.float32]:
        counts = term_counts(" ".join(tokenize_query(text))) or {0: 1}
        strengths = np.asarray([log1p(count) for count in counts.values()], dtype=np.float32)
        vector = strengths @ np.stack([_direction(self.model_name, term, self.dimension) for term in counts])
        return (vector / np.linalg.norm(vector)).astype(np.float32)


@lru_cache(maxsize=20_000)
def _direction(name: str, term: int, dimension: int) -> NDArray[np.float32]:
    noise = shake_128(f"{name} {term}".encode()).digest(dimension)
    return np.frombuffer(noise, dtype=np.uint8).astype(np.float32) - 127.5
