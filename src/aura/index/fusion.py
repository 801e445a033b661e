"""Makes one ranking of the dense and the lexical one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, inf, isfinite, sqrt

import msgspec

from aura.errors import InvalidRequest


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One result of one leg. A higher score is better; scores of different legs do not compare."""

    id: str
    score: float


class Fused(msgspec.Struct, frozen=True, kw_only=True):
    """One result of both legs. `score` orders the results of one query; a leg that did not find it has None."""

    id: str
    score: float
    dense: float | None
    lexical: float | None


def fuse(
    dense: Sequence[Hit],
    lexical: Sequence[Hit],
    *,
    weight: float = 0.5,
    limit: int | None = None,
    best: int | None = None,
) -> list[Fused]:
    """Every hit of either leg once, best first: `weight` × the dense plus (1 − `weight`) × the lexical z-score.

    A document that a leg did not find takes the lowest score the leg gave. Ties go by id. With weight 1 or 0 the order is
    that leg's, and what only the other leg found comes after it.

    Args:
        best: as many of them at the most.
        limit: how many hits each leg was asked for. A lexical list shorter than that names every document that shares a
            term with the query, so the others are known to score 0, and are counted as that. Else a single hit, such as
            the one chunk with the asked part number, would have no deviation and therefore no weight.

    Raises:
        InvalidRequest: `weight` is not within 0 … 1.

    Source: convex combination rather than reciprocal ranks after Bruch, Gai and Ingber, "An Analysis of Fusion Functions
    for Hybrid Retrieval" (2023).
    """
    if not 0 <= weight <= 1:
        raise InvalidRequest(f"a fusion weight must be within 0 and 1, not {weight!r}", field="fusion_weight")
    ids = list({hit.id: None for hit in (*dense, *lexical)})
    dense_scores, lexical_scores = _scores(dense), _scores(lexical)
    complete = limit is not None and len(lexical) < limit
    unmatched = dict.fromkeys(ids, min([0.0, *lexical_scores.values()])) if complete else {}
    pairs = zip(_z_scores(dense_scores, ids), _z_scores(unmatched | lexical_scores, ids), strict=True)
    scores = [weight * dense_z + (1 - weight) * lexical_z for dense_z, lexical_z in pairs]
    if 0 < weight < 1:
        ranked = sorted(zip([-score for score in scores], ids, scores, strict=True))[:best]
        order = [(id, score) for _, id, score in ranked]
    else:
        own, other = (dense_scores, lexical_scores) if weight == 1 else (lexical_scores, dense_scores)
        raw = [_raw_order(own.get(id), other.get(id)) for id in ids]
        order = [
            (id, -least) for least, _, id in sorted(zip([-score for score in scores], raw, ids, strict=True))[:best]
        ]
    return [
        Fused(id=id, score=score, dense=dense_scores.get(id), lexical=lexical_scores.get(id)) for id, score in order
    ]


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    """Each document's best score. Postgres gives NaN for the cosine of a zero vector: that is no score."""
    scores = {hit.id: hit.score for hit in hits if isfinite(hit.score)}
    if len(scores) < len(hits):  # a document came twice, or without a score
        for hit in hits:
            if hit.score > scores.get(hit.id, inf):
                scores[hit.id] = hit.score
    return scores


def _z_scores(scores: Mapping[str, float], ids: Sequence[str]) -> list[float]:
    """Deviations from the mean, of each of `ids`. Equal scores are 0 each, and one deviation above what is missing."""
    if not scores:
        return [0.0] * len(ids)
    values = list(scores.values())
    lowest, mean = min(values), fsum(values) / len(values)
    deviation = sqrt(fsum([(value - mean) * (value - mean) for value in values]) / len(values))
    if max(values) == lowest or deviation == 0.0:
        return [0.0 if id in scores else -1.0 for id in ids]
    return [(scores.get(id, lowest) - mean) / deviation for id in ids]


def _raw_order(own: float | None, other: float | None) -> tuple[float, float]:
    """The raw scores, where one leg alone decides: its hits stay in front, and the rest is in the other leg's order."""
    if own is not None:
        return -own, 0.0
    return inf, inf if other is None else -other
