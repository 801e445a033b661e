"""Made-up chunks, texts and an embedding: deterministic, without weights, and shaped like the real thing.

Terms follow Zipf's law over a vocabulary, so that some are in every chunk and most are rare; vectors lie around topics.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from numpy.typing import NDArray

DIMENSION = 384
VOCABULARY = 50_000
TERMS_PER_CHUNK = 120
"""Different words of an average chunk of 254 word pieces."""

_TOPICS = 256
_SPREAD = 0.7
_LEAST_COMMON_RANK = 30
_WEIGHT = 1 / (1 + 1.2)  # BM25's of a term that a chunk of average length has once


class Chunks(msgspec.Struct, frozen=True, kw_only=True):
    """Chunks in bulk.

    Shapes: `vectors` (n, 384) float16 of unit length; `ranks` (n, 120) int32, each row the different words of a chunk, as
    places in the vocabulary.
    """

    vectors: NDArray[np.float16]
    ranks: NDArray[np.int32]

    @property
    def document_frequencies(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ranks that occur, and in how many chunks."""
        return np.unique(self.ranks, return_counts=True)


class Corpus:
    """Makes chunks, and questions about them, from a seed."""

    def __init__(self, seed: int = 0, *, terms_per_chunk: int = TERMS_PER_CHUNK) -> None:
        self._random = np.random.default_rng(seed)
        self._edges = _strata(terms_per_chunk)
        self.weight = _WEIGHT

    def chunks(self, count: int) -> Chunks:
        """The next `count` chunks."""
        low, high = self._edges[:-1], self._edges[1:]
        shares = self._random.random((count, len(low)))
        # One word from each of the strata, which get wider as 1/rank falls: different words, with Zipf's frequencies.
        ranks = (low * (high / low) ** shares).astype(np.int32) - 1
        topics = _topics()[self._random.integers(_TOPICS, size=count)]
        return Chunks(vectors=_around(topics, self._random).astype(np.float16), ranks=ranks)

    def question(self, words: int = 8) -> str:
        """A question of `words` words, common ones left out."""
        ranks = np.exp(self._random.uniform(np.log(_LEAST_COMMON_RANK), np.log(VOCABULARY), size=words))
        return " ".join(word(int(rank)) for rank in ranks)


class TopicEmbedding(BaseEmbedding):
    """A LlamaIndex embedding that puts each text near a topic, chosen by the text's checksum, in no time."""

    def __init__(self) -> None:
        super().__init__(model_name="topics")

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.vector(query).tolist()

    def _get_text_embedding(self, text: str) -> list[float]:
        return self.vector(text).tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    @staticmethod
    def vector(text: str) -> NDArray[np.float32]:
        """`(384,) float32` of unit length."""
        random = np.random.default_rng(crc32(text.encode()))
        return _around(_topics()[random.integers(_TOPICS)][np.newaxis], random)[0]


def word(rank: int) -> str:
    """The word at `rank` of the vocabulary; one term to any analyser."""
    return f"w{rank}"


def prose(random: np.random.Generator, words: int) -> str:
    """English words in sentences and paragraphs, without sense."""
    chosen = random.choice(_WORDS.split(), size=words)
    sentences = [" ".join(chosen[start:end]) for start, end in pairwise([*range(0, words, 12), words])]
    marked = (sentence.capitalize() + (".\n\n" if n % 8 == 7 else ". ") for n, sentence in enumerate(sentences))
    return "".join(marked).strip()


def _strata(count: int) -> NDArray[np.float64]:
    """`count` + 1 rising edges from 1 to the vocabulary's end, at least 1 apart, else at even ratios."""
    edges = np.geomspace(1, VOCABULARY, count + 1)
    least = np.arange(1, count + 2, dtype=np.float64)
    return np.minimum(np.maximum(np.floor(edges), least), VOCABULARY)


def _around(centres: NDArray[Any], random: np.random.Generator) -> NDArray[np.float32]:
    noise = random.standard_normal(centres.shape, dtype=np.float32) * np.float32(_SPREAD / np.sqrt(DIMENSION))
    vectors = centres + noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@lru_cache(maxsize=1)
def _topics() -> NDArray[np.float32]:
    vectors = np.random.default_rng(7).standard_normal((_TOPICS, DIMENSION), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


_WORDS = (
    "the of and to in a is that for it as was with be by on not he this are or his from at which but have an had they you"
    " were there one all we can her has more if no man out other so what time up go about than into could state only new"
    " year some take come these know see use get like then first any work now may such give over think most even find day"
    " also after way many must look before great back through long where much should well people down own just because"
    " good each those feel seem how high too place little world very still nation hand old life tell write become here"
    " show house both between need mean call develop under last right move thing general school never same another begin"
    " while number part turn real leave might want point form off child few small since against ask late home interest"
    " large person end open public follow during present without again hold govern around possible head consider word"
    " program problem however lead system set order eye plan run keep face fact group play stand increase early course"
    " change help line invoice delivery customer contract supplier warranty policy account refund storage engine"
)
