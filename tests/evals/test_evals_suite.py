"""Suites and floors."""

from __future__ import annotations

from pathlib import Path

import pytest

from aura_evals.errors import BadInput
from aura_evals.floors import Floor, broken_floors, parse_floor
from aura_evals.suite import open_suite, suite_names


@pytest.mark.parametrize("name", suite_names())
def test_every_shipped_suite_can_be_opened_by_its_own_name(name: str) -> None:
    assert open_suite(name).name == name


def test_the_retrieval_suite_is_for_any_dataset_and_has_no_floors() -> None:
    suite = open_suite("retrieval")
    assert (suite.dataset, suite.all_floors()) == (None, ())
    assert suite.legs == ("bm25", "dense", "hybrid")
    assert suite.metrics == ("ndcg@10", "recall@10", "recall@100")


def test_a_suite_can_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\nkind = "retrieval"\nlegs = ["hybrid"]\nmetrics = ["map"]\n'
        '[settings]\nfusion_weight = 0.3\n[floors]\n"hybrid.map" = 0.5\n'
    )
    suite = open_suite(str(file))
    assert suite.settings == {"fusion_weight": 0.3}
    assert suite.all_floors() == (Floor(measure="hybrid.map", value=0.5),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name = ", "mine.toml: not a suite"),
        ('name = "x"\nkind = "poetry"', "mine.toml: not a suite: Invalid enum value 'poetry'"),
        ('name = "x"\nkind = "retrieval"\nlegs = ["rerank"]', "the leg 'rerank' needs `rerank_model`"),
        ('name = "x"\nkind = "answers"\n[floors]\n"hybrid.map" = 0.1', "does not measure"),
        ('name = "x"\nkind = "retrieval"\nmetric = ["map"]', "unknown field `metric`"),
        ('name = "x"\nkind = "retrieval"\nmetrics = []', "mine.toml: the suite is empty"),
        ('name = "x"\nkind = "retrieval"\nmetrics = ["f1"]', "there is no metric 'f1'"),
        ('name = "x"\nkind = "retrieval"\n[floors]\n"dense.map" = 0.1', "does not measure"),
    ],
)
def test_a_bad_suite_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(BadInput, match=message):
        open_suite(str(file))


def test_an_unknown_suite_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"there is no suite 'poems': known are answers, golden, .*, retrieval, scifact"):
        open_suite("poems")


def test_a_floor_is_read() -> None:
    assert parse_floor("hybrid.ndcg@10=0.725") == Floor(measure="hybrid.ndcg@10", value=0.725)


@pytest.mark.parametrize("text", ["hybrid.ndcg@10", "=0.5", "hybrid.ndcg@10=", "hybrid.ndcg@10=high", "hybrid.map=nan"])
def test_what_is_not_a_floor_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"a floor is LEG\.METRIC=VALUE"):
        parse_floor(text)


def test_a_floor_breaks_below_its_value_and_holds_at_it() -> None:
    floors = [Floor(measure="hybrid.map", value=0.5), Floor(measure="dense.map", value=0.5)]
    broken = broken_floors(floors, {"hybrid": {"map": 0.4999}, "dense": {"map": 0.5}})
    assert [str(floor) for floor in broken] == ["hybrid.map is 0.4999, below its floor of 0.5"]
