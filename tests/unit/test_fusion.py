"""Fusion: one ranking of two, for every shape that two legs can have."""

from __future__ import annotations

import random
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.errors import InvalidRequest
from aura.index.fusion import Fused, Hit, fuse


def hits(**scores: float) -> list[Hit]:
    return [Hit(id=id, score=score) for id, score in scores.items()]


def order(fused: list[Fused]) -> str:
    return "".join(hit.id for hit in fused)


legs = st.dictionaries(st.sampled_from("abcdefghij"), st.floats(-100, 100).map(lambda x: round(x, 3)))
fusion_weights = st.floats(0, 1)


def test_two_empty_legs_give_nothing() -> None:
    assert fuse([], []) == []


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_with_one_leg_empty_the_order_is_the_others(weight: float) -> None:
    leg = hits(a=1.0, b=3.0, c=2.0)
    assert order(fuse(leg, [], weight=weight)) == "bca"
    assert order(fuse([], leg, weight=weight)) == "bca"


def test_a_hit_keeps_both_raw_scores() -> None:
    fused = {hit.id: hit for hit in fuse(hits(a=0.9, b=0.1), hits(b=12.0, c=3.0))}
    assert (fused["a"].dense, fused["a"].lexical) == (0.9, None)
    assert (fused["b"].dense, fused["b"].lexical) == (0.1, 12.0)
    assert (fused["c"].dense, fused["c"].lexical) == (None, 3.0)


def test_the_score_is_the_weighted_sum_of_z_scores() -> None:
    # Dense: mean 2, deviation 1. Lexical: mean 20, deviation 10; `a` is missing there and takes the floor, −1.
    fused = {hit.id: hit.score for hit in fuse(hits(a=3.0, b=1.0), hits(b=30.0, c=10.0), weight=0.75)}
    assert fused == {
        "a": pytest.approx(0.75 * 1 + 0.25 * -1),
        "b": pytest.approx(0.75 * -1 + 0.25 * 1),
        "c": pytest.approx(0.75 * -1 + 0.25 * -1),
    }


def test_one_hit_found_by_both_legs_is_one_result() -> None:
    assert fuse(hits(a=0.5), hits(a=7.0)) == [Fused(id="a", score=0.0, dense=0.5, lexical=7.0)]


def test_what_one_leg_alone_found_with_equal_scores_is_above_what_it_missed() -> None:
    assert order(fuse(hits(a=0.2, b=0.2, c=0.2), hits(b=1.0))) == "bac"


def test_equal_scores_go_by_id() -> None:
    assert order(fuse(hits(c=0.1, a=0.1, b=0.1), hits(b=2.0, c=2.0, a=2.0))) == "abc"


def test_one_rare_term_outranks_a_middling_likeness_when_the_lexical_list_is_complete() -> None:
    dense = [Hit(id=f"d{i:02}", score=0.3 - i / 1000) for i in range(100)]
    exact = [Hit(id="d60", score=11.0)]
    assert fuse(dense, exact, limit=100)[0].id == "d60"


def test_a_complete_lexical_list_scores_the_rest_zero() -> None:
    fused = fuse(hits(a=0.9, b=0.1), hits(b=4.0), weight=0.5, limit=10)
    assert {hit.id: hit.score for hit in fused} == {"a": pytest.approx(0.0), "b": pytest.approx(0.0)}


def test_a_score_that_is_no_number_counts_as_missing() -> None:
    fused = fuse(hits(a=0.9, z=nan, b=0.1), hits(b=1.0))
    assert fused[-1] == Fused(id="z", score=fused[-1].score, dense=None, lexical=None)
    assert fused[-1].score == fused[-1].score


def test_a_document_twice_in_a_leg_counts_with_its_best_score() -> None:
    assert [hit.dense for hit in fuse([Hit(id="a", score=0.1), Hit(id="a", score=0.7)], [])] == [0.7]


@pytest.mark.parametrize("weight", [-0.1, 1.1, nan])
def test_a_weight_outside_of_0_to_1_is_refused(weight: float) -> None:
    with pytest.raises(InvalidRequest, match="weight"):
        fuse([], [], weight=weight)


@given(legs, legs, st.sampled_from([None, 5, 100]))
def test_weight_1_is_the_dense_order_and_weight_0_the_lexical_one(
    dense: dict[str, float], lexical: dict[str, float], limit: int | None
) -> None:
    for weight, leg in ((1.0, dense), (0.0, lexical)):
        expected = sorted(leg, key=lambda id: (-leg[id], id))
        fused = fuse(hits(**dense), hits(**lexical), weight=weight, limit=limit)
        assert [hit.id for hit in fused][: len(leg)] == expected


@given(legs, legs, fusion_weights, st.sampled_from([None, 5, 100]))
def test_every_document_is_there_once_best_first(
    dense: dict[str, float], lexical: dict[str, float], weight: float, limit: int | None
) -> None:
    fused = fuse(hits(**dense), hits(**lexical), weight=weight, limit=limit)
    assert sorted(hit.id for hit in fused) == sorted(dense.keys() | lexical.keys())
    assert [hit.score for hit in fused] == sorted((hit.score for hit in fused), reverse=True)


@given(legs, legs, fusion_weights, st.randoms())
def test_the_order_of_the_input_does_not_matter(
    dense: dict[str, float], lexical: dict[str, float], weight: float, shuffler: random.Random
) -> None:
    dense_hits, lexical_hits = hits(**dense), hits(**lexical)
    expected = fuse(dense_hits, lexical_hits, weight=weight)
    shuffler.shuffle(dense_hits)
    shuffler.shuffle(lexical_hits)
    assert fuse(dense_hits, lexical_hits, weight=weight) == expected


@given(legs, legs, fusion_weights)
def test_a_better_score_in_both_legs_is_never_below(
    dense: dict[str, float], lexical: dict[str, float], weight: float
) -> None:
    rank = {hit.id: place for place, hit in enumerate(fuse(hits(**dense), hits(**lexical), weight=weight))}
    both = dense.keys() & lexical.keys()
    for better in both:
        for worse in both:
            if dense[better] > dense[worse] and lexical[better] > lexical[worse]:
                assert rank[better] < rank[worse]


@given(legs, legs)
def test_scaling_a_leg_changes_no_score(dense: dict[str, float], lexical: dict[str, float]) -> None:
    scaled = {id: 8 * score + 16 for id, score in lexical.items()}
    plain = {hit.id: hit.score for hit in fuse(hits(**dense), hits(**lexical))}
    other = {hit.id: hit.score for hit in fuse(hits(**dense), hits(**scaled))}
    assert other == {id: pytest.approx(score, abs=1e-6) for id, score in plain.items()}
