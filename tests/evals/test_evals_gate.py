"""The gate: what turns it red, what it says then, and that chance does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from evals_datasets import replace_line

from aura_evals.baseline import read_baseline, write_baseline
from aura_evals.bootstrap import paired_difference
from aura_evals.errors import BadInput
from aura_evals.floors import Floor
from aura_evals.gate import judge
from aura_evals.result import About, Case, Model, Outcome, Result, result_of
from aura_evals.suite import Suite

SUITE = Suite(name="house", kind="retrieval", legs=("hybrid",), metrics=("map",))
MODEL = Model(name="m", sha256="0")


def result(values: list[float], *, floors: tuple[Floor, ...] = (), violations: tuple[str, ...] = ()) -> Result:
    cases = tuple(
        Case(
            id=f"q{n:03}",
            slice="dates" if n % 2 else "names",
            query=f"question {n}",
            answer=f"scored {value}",
            values={"hybrid.map": value},
        )
        for n, value in enumerate(values)
    )
    about = About(name="d", split="test", documents=1, queries=len(cases))
    return result_of(SUITE, about, Outcome(model=MODEL, cases=cases, violations=violations), floors)


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.jsonl"
    write_baseline(result([1.0] * 100), path, "the first one")
    return path


def test_the_same_run_passes(baseline: Path) -> None:
    verdict = judge(result([1.0] * 100), read_baseline(baseline))
    assert verdict.passed
    assert verdict.moved[0].difference.mean == 0


def test_a_drop_that_is_no_chance_fails_and_is_named_with_its_slice_and_its_queries(baseline: Path) -> None:
    worse = [0.0 if n % 2 and n < 24 else 1.0 for n in range(100)]
    verdict = judge(result(worse), read_baseline(baseline))
    assert not verdict.passed
    (moved,) = verdict.regressions
    assert (moved.measure, moved.before, moved.after) == ("hybrid.map", 1.0, 0.88)
    assert moved.slices == {"dates": -0.24}
    assert "hybrid.map fell from 1.0000 to 0.8800" in verdict.faults[0]
    assert "by slice: dates -0.2400" in verdict.faults[0]
    assert [change.id for change in moved.changes] == [f"q{n:03}" for n in range(1, 20, 2)]
    first = moved.changes[0]
    assert (first.answer_before, first.answer_after) == ("scored 1.0", "scored 0.0")


def test_one_query_of_a_hundred_may_be_chance(baseline: Path) -> None:
    assert judge(result([0.0] + [1.0] * 99), read_baseline(baseline)).passed


def test_a_real_but_tiny_drop_passes(baseline: Path) -> None:
    verdict = judge(result([0.996] * 100), read_baseline(baseline))
    assert verdict.moved[0].difference.high < 0
    assert verdict.passed


def test_a_query_that_the_run_lacks_counts_as_0(baseline: Path) -> None:
    verdict = judge(result([1.0] * 90), read_baseline(baseline))
    assert not verdict.passed
    assert verdict.gone == tuple(f"q{n:03}" for n in range(90, 100))


def test_an_improvement_passes(tmp_path: Path) -> None:
    write_baseline(result([0.5] * 20), tmp_path / "b.jsonl", "low")
    assert judge(result([0.9] * 20), read_baseline(tmp_path / "b.jsonl")).passed


def test_a_broken_floor_fails_without_a_baseline() -> None:
    verdict = judge(result([0.4] * 4, floors=(Floor(measure="hybrid.map", value=0.5),)))
    assert verdict.faults == ("hybrid.map is 0.4000, below its floor of 0.5",)


def test_a_violation_fails_whatever_the_means_say() -> None:
    assert judge(result([1.0] * 4, violations=("isolation: a leak",))).faults == ("isolation: a leak",)


def test_the_bootstrap_is_the_same_each_time_and_holds_its_mean() -> None:
    before, after = [0.0, 1.0] * 20, [1.0, 1.0] * 20
    first, second = paired_difference(before, after), paired_difference(before, after)
    assert first == second
    assert first.mean == 0.5
    # The mean of 40 draws from {0, 1} with p = 1/2 has a standard error of 0.079: 95 % lie within ±0.155.
    assert first.low == pytest.approx(0.345, abs=0.03)
    assert first.high == pytest.approx(0.655, abs=0.03)


def test_a_baseline_is_read_as_it_was_written_and_says_why(baseline: Path) -> None:
    found = read_baseline(baseline)
    assert (found.header.reason, found.header.metrics) == ("the first one", {"hybrid": {"map": 1.0}})
    assert found.cases == {case.id: case for case in result([1.0] * 100).cases}
    again = baseline.with_name("again.jsonl")
    write_baseline(result([1.0] * 100), again, "the first one")
    assert again.read_bytes() == baseline.read_bytes()


def test_a_baseline_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs a reason"):
        write_baseline(result([1.0]), tmp_path / "b.jsonl", " ")


@pytest.mark.parametrize(
    ("line", "content", "message"),
    [
        (1, "{}", "baseline.jsonl:1: not the header of a baseline"),
        (3, '{"id": 7}', "baseline.jsonl:3: not the query of a baseline"),
        (3, "{broken", "baseline.jsonl:3: not a record"),
        (3, '{"id":"q000","query":"","values":{}}', "baseline.jsonl:3: query 'q000' is there twice"),
    ],
)
def test_a_bad_line_of_a_baseline_is_named(baseline: Path, line: int, content: str, message: str) -> None:
    replace_line(baseline, line, content)
    with pytest.raises(BadInput, match=message):
        read_baseline(baseline)


def test_a_baseline_of_another_dataset_is_refused(tmp_path: Path, baseline: Path) -> None:
    other = tmp_path / "other.jsonl"
    write_baseline(result([1.0]).__class__(**{**_fields(result([1.0])), "dataset": "elsewhere"}), other, "r")
    with pytest.raises(BadInput, match=r"other\.jsonl:1: the baseline is of another dataset: 'elsewhere', not 'd'"):
        judge(result([1.0]), read_baseline(other))


def _fields(found: Result) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__struct_fields__}
