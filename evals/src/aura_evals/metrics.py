"""Retrieval metrics, computed by trec_eval (`pytrec_eval`) and named as people write them: `ndcg@10`, `recall@100`, `map`.

trec_eval sorts a run by its scores, as 32 bit floats and ties by falling id, so it is given ranks in place of scores: what
it measures is the order that was answered. It leaves out a query that the run lacks; here that query scores 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum

import msgspec
import pytrec_eval

from aura_evals.errors import BadInput

DEFAULT_METRICS = ("ndcg@10", "recall@10", "recall@100")

_CUT = {"ndcg": "ndcg_cut", "recall": "recall", "precision": "P", "map": "map_cut", "success": "success"}
_WHOLE = {"map": "map", "mrr": "recip_rank"}

Values = dict[str, float]
"""Metric → value."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """How good one way of retrieval is: for each judged query, and the means over all of them."""

    per_query: dict[str, Values]
    means: Values


def score(
    qrels: Mapping[str, Mapping[str, int]],
    rankings: Mapping[str, Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
) -> Scores:
    """Measure `rankings` (query id → document ids, best first) against `qrels`.

    A query of `qrels` that has no ranking scores 0; a ranking for a query that is not in `qrels` is left out; a document
    that is there twice counts where it is first.

    Raises:
        BadInput: a metric is not known.
    """
    names = {metric: _library_name(metric) for metric in metrics}
    run = {
        query_id: {document_id: float(-rank) for rank, document_id in enumerate(dict.fromkeys(ranking))}
        for query_id, ranking in rankings.items()
        if ranking and query_id in qrels
    }
    judged = {query_id: dict(judgements) for query_id, judgements in qrels.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(judged, {name.library_measure for name in names.values()})
    found = evaluator.evaluate(run) if run else {}
    per_query = {
        query_id: {metric: found.get(query_id, {}).get(name.library_key, 0.0) for metric, name in names.items()}
        for query_id in sorted(qrels)
    }
    means = {metric: fsum(values[metric] for values in per_query.values()) / len(per_query) for metric in metrics}
    return Scores(per_query=per_query, means=means)


def require_known(metrics: Iterable[str]) -> None:
    """Raise `BadInput` for a metric that can not be measured."""
    for metric in metrics:
        _library_name(metric)


class _Name(msgspec.Struct, frozen=True, kw_only=True):
    """trec_eval's measure `ndcg_cut.10`, and the key `ndcg_cut_10` of its result."""

    library_measure: str
    library_key: str


def _library_name(metric: str) -> _Name:
    family, at, cut = metric.partition("@")
    if not at and metric in _WHOLE:
        return _Name(library_measure=_WHOLE[metric], library_key=_WHOLE[metric])
    if family in _CUT and cut.isdecimal() and 1 <= int(cut) <= 1000 and cut == str(int(cut)):
        return _Name(library_measure=f"{_CUT[family]}.{cut}", library_key=f"{_CUT[family]}_{cut}")
    known = ", ".join([*(f"{name}@k" for name in _CUT), *_WHOLE])
    raise BadInput(f"there is no metric {metric!r}: known are {known}, with k up to 1000")
