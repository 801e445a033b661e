"""From what every entry says to a question to one ranking: BM25 and cosine, fused, with a floor for what is off topic."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.memory.windows import Window

K1, B = 1.2, 0.75
"""BM25's usual constants; see `aura.index.lexical`."""
WEIGHT = 0.5
"""The dense ranking's share."""
WINDOW_BONUS = 0.3
"""For what was said in the days that a question names, on a scale where the best of both legs together is 1."""
RECENCY_BONUS, RECENCY_DAYS = 0.02, 30.0
"""For what was said just now, and the days in which it halves: enough to decide between equals, no more."""
BEST_DENSE, DENSE, COVERAGE = 0.42, 0.30, 0.75
"""The floor; `_plausible` says what it asks."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question, as the ranking reads it: how often it has each of its terms, the days it names, and when it is asked.

    `scaled`: whether the cosines are on the scale that the floor was measured on.
    """

    counts: tuple[int, ...]
    window: Window | None = None
    now: float = 0.0
    weight: float | None = None
    scaled: bool = True
    everything: bool = False


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """Every entry of one user: `n` ids of 16 bytes, and for each the seconds since 1970, terms, counts of the asked terms
    (`(terms, n) uint8`), and cosine (NaN: no vector)."""

    ids: list[bytes]
    at: NDArray[np.float64]
    length: NDArray[np.int32]
    counts: NDArray[np.uint8]
    dense: NDArray[np.float32]


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """The places of the best candidates, best first, with the scores of all."""

    order: list[int]
    score: NDArray[np.float64]
    bm25: NDArray[np.float64]


def rank(found: Candidates, asked: Asked, *, limit: int) -> Ranked:
    """The best `limit` of what is plausibly about the question, or of all with `everything`. Equals: the younger first.

    Source: convex combination of min-max scaled scores after Bruch, Gai and Ingber, "An Analysis of Fusion Functions for
    Hybrid Retrieval" (2023); reciprocal ranks lose to BM25 alone on short turns.
    """
    bm25, coverage = _bm25(found, np.asarray(asked.counts, np.float64))
    score = _fused(bm25, found.dense, WEIGHT if asked.weight is None else asked.weight)
    score = score + _bonus(found.at, asked)
    kept = np.flatnonzero(np.full(len(score), True) if asked.everything else _plausible(found.dense, coverage, asked))
    if asked.weight == 0:
        kept = kept[bm25[kept] > 0]
    best = kept[np.argpartition(-score[kept], limit)[:limit]] if len(kept) > limit else kept
    order = best[np.lexsort((-found.at[best], -score[best]))]
    return Ranked(order=[int(n) for n in order], score=score, bm25=bm25)


def _bm25(found: Candidates, asked: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The BM25 score of each, and the share of the question's words that it has, each word by its idf."""
    n = len(found.at)
    if not len(asked):
        return np.zeros(n), np.zeros(n)
    counts = found.counts.astype(np.float64)
    frequency = (counts > 0).sum(axis=1)
    idf = np.log1p((n - frequency + 0.5) / (frequency + 0.5)) * asked
    relative = found.length / max(1.0, float(found.length.mean()))
    saturated = counts / (counts + K1 * (1 - B + B * relative))
    return idf @ saturated, idf @ (counts > 0) / idf.sum()


def _fused(bm25: NDArray[np.float64], dense: NDArray[np.float32], weight: float) -> NDArray[np.float64]:
    """Both scaled to 0 … 1 and added by their weights. What has no vector is judged by its words alone."""
    lexical = _scaled(bm25)
    known = ~np.isnan(dense)
    if not known.any():
        return lexical
    fused = lexical.copy()
    fused[known] = (1 - weight) * lexical[known] + weight * _scaled(dense[known].astype(np.float64))
    return fused


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    lowest, highest = values.min(), values.max()
    return (values - lowest) / (highest - lowest) if highest > lowest else np.zeros(len(values))


def _bonus(at: NDArray[np.float64], asked: Asked) -> NDArray[np.float64]:
    days = np.maximum(0.0, asked.now - at) / 86_400
    bonus = RECENCY_BONUS * np.exp2(-days / RECENCY_DAYS)
    if asked.window is not None:
        bonus += WINDOW_BONUS * ((at >= asked.window.start.timestamp()) & (at < asked.window.end.timestamp()))
    return bonus


def _plausible(dense: NDArray[np.float32], coverage: NDArray[np.float64], asked: Asked) -> NDArray[np.bool_]:
    """What may be about the question. Nothing is, unless one entry is near enough to it or has most of its words; then all
    is that is near, or has them. Without cosines on a known scale the words decide."""
    worded = coverage >= COVERAGE
    if not asked.scaled or np.isnan(dense).all():
        return worded
    cosine = np.nan_to_num(dense, nan=-1.0)
    on_topic = bool(cosine.max() >= BEST_DENSE) or bool(worded.any())
    return on_topic & ((cosine >= DENSE) | worded)
