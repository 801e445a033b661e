"""The floor: asked off topic, nothing that was found is a source. Its limits were measured; see the module."""

from __future__ import annotations

import pytest

from aura.index.embedding import MINILM_SHA256
from aura.index.floor import Evidence, Floor, coverage, floor_for

FLOOR = Floor(best_dense=0.3, dense=0.2, coverage=0.3)


def keeps(*evidence: tuple[float | None, float]) -> list[bool]:
    return FLOOR.keeps([Evidence(dense=dense, coverage=coverage) for dense, coverage in evidence])


def test_off_topic_nothing_is_kept() -> None:
    assert keeps((0.29, 0.5), (0.25, 0.9), (0.1, 0.0)) == [False, False, False]


def test_on_topic_a_passage_needs_likeness_or_the_words() -> None:
    assert keeps((0.5, 0.0), (0.2, 0.0), (0.19, 0.29), (0.1, 0.3)) == [True, True, False, True]


def test_a_passage_with_every_asked_term_is_on_topic_however_unlike_it_is() -> None:
    assert keeps((0.1, 1.0), (0.1, 0.0)) == [True, False]


def test_a_passage_that_the_dense_leg_left_out_is_at_most_as_near_as_its_last() -> None:
    assert keeps((0.6, 0.0), (0.4, 0.0), (None, 0.1)) == [True, True, True]
    assert keeps((0.6, 0.0), (0.1, 0.0), (None, 0.1)) == [True, False, False]


def test_with_bm25_alone_the_words_decide() -> None:
    assert keeps((None, 0.4), (None, 0.2)) == [True, False]


def test_nothing_found_is_nothing_kept() -> None:
    assert keeps() == []


def test_only_a_measured_model_has_a_floor() -> None:
    assert floor_for(MINILM_SHA256) is not None
    assert floor_for("0" * 64) is None


@pytest.mark.parametrize(
    ("query", "passage", "share"),
    [
        ("What is the refund policy?", "Refunds follow the policies below.", 1.0),
        ("What is the refund policy?", "The policy on parking", 0.5),
        ("E-4711", "the code 4711 of group E", 2 / 3),
        ("refund", "nothing of the kind", 0.0),
        ("???", "anything", 0.0),
    ],
)
def test_coverage_is_the_share_of_the_asked_terms(query: str, passage: str, share: float) -> None:
    assert coverage(query, passage) == pytest.approx(share)
