"""From what every entry says to a question to one ranking: BM25 and cosine, fused, with a floor for what is off topic."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.memory.windows import Window

K1, B = 1.2, 0.75
"""BM25's usual constants; see `aura.index.lexical`."""
WEIGHT = 0.35
"""The dense ranking's share. Source: our dialogues and long conversations; LoCoMo settled the last hundredths."""
LENGTH_BONUS, LENGTH_TERMS = 0.25, 16
"""For what has so many terms, its date and speaker among them, and a share of it for less: what says little proves little,
though "Ana: Sure!" is near to any question that names Ana."""
WINDOW_BONUS = 0.3
"""For what was said in the days that a question names, on a scale where the best of both legs together is 1."""

SLOT_BONUS = 1.0
"""For a fact in the slot that a question asks for, in whatever words and language: it is the answer."""
MINILM_CROWDING = 0.04
"""The average cosine of unrelated texts in the model that the floors were measured with."""


class Recency(msgspec.Struct, frozen=True, kw_only=True):
    """What is added for what was said just now, and the days in which that halves."""

    bonus: float
    days: float


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry must reach to be plausibly about a question, in cosine and in the share of the question's words.

    `both`: so near, and with such a share; `dense` and `words`: enough by themselves. Nothing is plausible unless the
    nearest entry reaches `best`, or one has the words.
    """

    both: tuple[float, float]
    dense: float
    words: float
    best: float = -1.0


ABOUT_ONESELF = (Recency(bonus=0.1, days=60.0), Floor(both=(1.0, 1.0), dense=0.20, words=0.5, best=0.25))
ABOUT_ANYTHING = (Recency(bonus=0.02, days=30.0), Floor(both=(0.42, 0.34), dense=0.60, words=0.6))
# Found on 16 of our dialogues (`aura-evals run memory`): the evidence of a question about oneself has a median cosine of
# 0.42 but often no word in common, and what is nearest to an off-topic question one of up to 0.54. Of the off-topic
# questions none finds anything, of the others 95 % keep their evidence. For oneself, the youngest value should win.


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question, as the ranking reads it: how often it has each of its terms, the days it names, and when it is asked.

    `crowding`: the average cosine of unrelated texts in the model of the vectors, from which its scale is known; None: it is
    not. `oneself`: it is about the asker.
    """

    counts: tuple[int, ...]
    window: Window | None = None
    now: float = 0.0
    weight: float | None = None
    crowding: float | None = MINILM_CROWDING
    oneself: bool = False
    everything: bool = False


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """Every entry of one user: `n` ids of 16 bytes, and for each the seconds since 1970, terms, counts of the asked terms
    (`(terms, n) uint8`), and cosine (NaN: no vector). `filling`: ids of facts in the slots that the question asks for."""

    ids: NDArray[np.void]
    at: NDArray[np.float64]
    length: NDArray[np.int32]
    counts: NDArray[np.uint8]
    dense: NDArray[np.float32]
    filling: frozenset[bytes] = frozenset()

    @property
    def fills(self) -> NDArray[np.bool_]:
        """Which of them fill an asked slot."""
        if not self.filling:
            return np.zeros(len(self.ids), np.bool_)
        return np.fromiter((id.tobytes() in self.filling for id in self.ids), np.bool_, len(self.ids))


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """The places of the best candidates, best first, with the scores of all."""

    order: list[int]
    score: NDArray[np.float64]
    bm25: NDArray[np.float64]


def rank(found: Candidates, asked: Asked, *, limit: int) -> Ranked:
    """The best `limit` of what is plausibly about the question, or of all with `everything`. Equals: the younger first.

    Source: convex combination of scaled scores after Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid
    Retrieval" (2023); reciprocal ranks lose to BM25 alone on short turns.
    """
    bm25, most = _bm25(found, np.asarray(asked.counts, np.float64))
    lexical = bm25 / max(most, float(bm25.max()), 1e-9)
    score = _fused(lexical, found.dense, WEIGHT if asked.weight is None else asked.weight)
    score = score + _bonus(found, asked)
    plausible = np.full(len(score), True) if asked.everything else _plausible(found, asked)
    if asked.weight is None and found.filling:
        fills = found.fills
        score, plausible = score + SLOT_BONUS * fills, plausible | fills
    kept = np.flatnonzero(plausible)
    if asked.weight == 0:
        kept = kept[bm25[kept] > 0]
    best = kept[np.argpartition(-score[kept], limit)[:limit]] if len(kept) > limit else kept
    order = best[np.lexsort((-found.at[best], -score[best]))]
    return Ranked(order=[int(n) for n in order], score=score, bm25=bm25)


def _bm25(found: Candidates, asked: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Each entry's score, and that of an entry of average length with every word of the question."""
    n = len(found.at)
    if not len(asked):
        return np.zeros(n), 0.0
    counts = found.counts.astype(np.float64)
    frequency = (counts > 0).sum(axis=1)
    idf = np.log1p((n - frequency + 0.5) / (frequency + 0.5)) * asked
    relative = found.length / max(1.0, float(found.length.mean()))
    return idf @ (counts / (counts + K1 * (1 - B + B * relative))), float(idf.sum()) / (1 + K1)


def _fused(lexical: NDArray[np.float64], dense: NDArray[np.float32], weight: float) -> NDArray[np.float64]:
    """Both on a scale of 0 … 1, added by their weights. What has no vector is judged by its words alone.

    Words are scaled by what all of the question's would score: where the best entry shares only a name with the question,
    it is no 1, as it would be among its like.
    """
    known = ~np.isnan(dense)
    if not known.any():
        return lexical
    fused = lexical.copy()
    fused[known] = (1 - weight) * lexical[known] + weight * _scaled(dense[known].astype(np.float64))
    return fused


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    lowest, highest = values.min(), values.max()
    return (values - lowest) / (highest - lowest) if highest > lowest else np.zeros(len(values))


def _bonus(found: Candidates, asked: Asked) -> NDArray[np.float64]:
    recency, _ = ABOUT_ONESELF if asked.oneself else ABOUT_ANYTHING
    at, days = found.at, np.maximum(0.0, asked.now - found.at) / 86_400
    bonus = recency.bonus * np.exp2(-days / recency.days)
    if asked.weight not in (0, 1):  # these are the legs alone
        bonus += LENGTH_BONUS * np.minimum(1.0, found.length / LENGTH_TERMS)
    if asked.window is not None:
        bonus += WINDOW_BONUS * ((at >= asked.window.start.timestamp()) & (at < asked.window.end.timestamp()))
    return bonus


def _plausible(found: Candidates, asked: Asked) -> NDArray[np.bool_]:
    """What may be about the question. Without cosines on a known scale its words decide."""
    _, floor = ABOUT_ONESELF if asked.oneself else ABOUT_ANYTHING
    share = (found.counts > 0).mean(axis=0) if len(found.counts) else np.zeros(len(found.at))
    worded = share >= floor.words
    if asked.crowding is None or np.isnan(found.dense).all():
        return worded
    cosine = np.nan_to_num(_as_of_minilm(found.dense, asked.crowding), nan=-1.0)
    near, with_words = floor.both
    plausible = (cosine >= floor.dense) | worded | ((cosine >= near) & (share >= with_words))
    return plausible & bool(cosine.max() >= floor.best or worded.any())


def _as_of_minilm(cosine: NDArray[np.float32], crowding: float) -> NDArray[np.float32]:
    """Cosines of another model on the scale of the floors: unrelated texts and equal ones are where they are there."""
    return 1 - (1 - cosine) * ((1 - MINILM_CROWDING) / max(1e-6, 1 - crowding))
