"""Metrics, held against values computed by hand."""

from __future__ import annotations

from math import log2

import pytest

from aura_evals.errors import BadInput
from aura_evals.metrics import score

QRELS = {"q1": {"a": 2, "b": 1, "c": 0}, "q2": {"a": 1}}


def values(rankings: dict[str, list[str]], *metrics: str) -> dict[str, float]:
    return score(QRELS, rankings, metrics).per_query["q1"]


def test_ndcg_discounts_graded_gains_by_the_logarithm_of_the_rank() -> None:
    found = values({"q1": ["c", "a", "x", "b"]}, "ndcg@10")
    ideal = 2 / log2(2) + 1 / log2(3)
    assert found["ndcg@10"] == pytest.approx((2 / log2(3) + 1 / log2(5)) / ideal)


def test_ndcg_looks_no_deeper_than_its_cut() -> None:
    assert values({"q1": ["c", "x", "a"]}, "ndcg@2")["ndcg@2"] == 0


def test_recall_is_the_share_of_relevant_documents_found() -> None:
    found = values({"q1": ["a", "c", "b"]}, "recall@1", "recall@2", "recall@3")
    assert found == {"recall@1": 0.5, "recall@2": 0.5, "recall@3": 1.0}


def test_other_measures_are_named_as_people_write_them() -> None:
    found = values({"q1": ["c", "a", "b"]}, "map", "mrr", "precision@2", "success@1", "map@2")
    expected = {"map": (1 / 2 + 2 / 3) / 2, "mrr": 1 / 2, "precision@2": 1 / 2, "success@1": 0.0, "map@2": 1 / 4}
    assert found == pytest.approx(expected)


def test_a_query_missing_from_a_run_scores_zero() -> None:
    scores = score(QRELS, {"q1": ["a", "b"]}, ["ndcg@10"])
    assert scores.per_query == {"q1": {"ndcg@10": 1.0}, "q2": {"ndcg@10": 0.0}}
    assert scores.means == {"ndcg@10": 0.5}


def test_a_query_with_no_results_scores_zero() -> None:
    assert score(QRELS, {"q1": [], "q2": []}, ["ndcg@10", "map"]).means == {"ndcg@10": 0.0, "map": 0.0}


def test_a_ranking_of_a_query_that_nobody_judged_is_left_out() -> None:
    rankings = {"q1": ["a", "b"], "q2": ["a"]}
    assert score(QRELS, rankings | {"q3": ["a"]}) == score(QRELS, rankings)


def test_a_document_found_twice_counts_once_where_it_is_first() -> None:
    twice = {"q1": ["a", "a", "a", "b"], "q2": ["a"]}
    assert score(QRELS, twice, ["ndcg@10"]).means == {"ndcg@10": 1.0}


def test_the_order_given_is_the_order_scored_whatever_the_ids_are() -> None:
    rising, falling = [f"x{n:03}" for n in range(200)], [f"x{n:03}" for n in reversed(range(200))]
    for ranking in (rising, falling):
        found = score({"q": {ranking[99]: 1}}, {"q": ranking}, ["mrr", "recall@99", "recall@100"])
        assert found.means == {"mrr": 0.01, "recall@99": 0.0, "recall@100": 1.0}


def test_a_judgement_below_zero_is_not_relevant() -> None:
    assert score({"q": {"a": -1, "b": 1}}, {"q": ["a", "b"]}, ["mrr"]).means == {"mrr": 0.5}


@pytest.mark.parametrize(
    "metric", ["ndcg", "ndcg@0", "ndcg@x", "ndcg@1001", "ndcg@010", "recall@", "f1@3", "mrr@10", ""]
)
def test_an_unknown_metric_is_refused_with_the_known_ones(metric: str) -> None:
    with pytest.raises(BadInput, match="known are ndcg@k"):
        score(QRELS, {}, [metric])
