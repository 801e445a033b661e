"""Reports: the same verdict for a pull request, a CI server and a browser; and the history of runs."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from aura_evals.baseline import read_baseline, write_baseline
from aura_evals.errors import BadInput
from aura_evals.floors import Floor
from aura_evals.gate import Verdict, judge
from aura_evals.reports import Reports, write_reports
from aura_evals.reports.history import History
from aura_evals.result import About, Case, Model, Outcome, Result, result_of
from aura_evals.suite import Suite
from aura_evals.timings import Timings

SUITE = Suite(name="house", kind="retrieval", legs=("hybrid",), metrics=("map",))
HOSTILE = "<script src=https://evil.test/x.js></script> | ![x](https://evil.test/y.png)\x07"


def result(value: float) -> Result:
    cases = tuple(
        Case(id=f"q{n}", slice="dates", query=f"question {n}", answer=HOSTILE, values={"hybrid.map": value})
        for n in range(30)
    )
    about = About(name="d", split="test", documents=3, queries=30)
    floors = (Floor(measure="hybrid.map", value=0.8),)
    return result_of(SUITE, about, Outcome(model=Model(name="m", sha256="0"), cases=cases), floors)


@pytest.fixture
def red(tmp_path: Path) -> tuple[Result, Verdict]:
    write_baseline(result(0.9), tmp_path / "b.jsonl", "first")
    return result(0.5), judge(result(0.5), read_baseline(tmp_path / "b.jsonl"))


def test_markdown_names_the_fault_and_opens_nothing_of_an_answers_markup(
    red: tuple[Result, Verdict], tmp_path: Path
) -> None:
    write_reports(Reports(markdown=tmp_path / "r.md"), *red)
    text = (tmp_path / "r.md").read_text()
    assert text.startswith("## house on d: FAILED")
    assert "hybrid.map fell from 0.9000 to 0.5000" in text
    assert "| hybrid.map | 0.5000 | 0.8 | 0.9000 | -0.4000 (-0.4000 … -0.4000) |" in text
    assert "<script" not in text
    assert "![x](" not in text
    rows = [row for row in text.splitlines() if row.startswith("| question")]
    assert len(rows) == 10
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_junit_has_a_failure_for_the_measure(red: tuple[Result, Verdict], tmp_path: Path) -> None:
    write_reports(Reports(junit=tmp_path / "r.xml"), *red)
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "below its floor of 0.8" in (failure.get("message") or "")


def test_a_violation_is_a_test_case_that_failed(tmp_path: Path) -> None:
    found = result(0.9)
    leaky = Result(**{**{n: getattr(found, n) for n in found.__struct_fields__}, "violations": ("a leak",)})
    write_reports(Reports(junit=tmp_path / "r.xml"), leaky, judge(leaky))
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()[0]
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["a leak"]


def test_the_page_stands_alone_and_holds_its_plots(red: tuple[Result, Verdict], tmp_path: Path) -> None:
    found, verdict = red
    timings = Timings()
    with timings.measure("ask"):
        pass
    with History(tmp_path / "h.sqlite") as history:
        for value in (0.9, 0.7):
            history.add(result(value), judge(result(value)), timings, seconds=1.5)
        past = history.of("house", "d")
    write_reports(Reports(html=tmp_path / "r.html"), found, verdict, timings, past)
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 4  # over runs, by slice, by score, latency
    assert "<script" not in page
    assert not re.search(
        r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page.replace("&lt;script src=https://evil.test", "")
    )
    assert "ask p95" in page
    assert "failed" in page


def test_the_history_keeps_runs_in_order_and_apart(tmp_path: Path) -> None:
    with History(tmp_path / "h.sqlite") as history:
        for value in (0.9, 0.5):
            history.add(result(value), judge(result(value)), Timings(), seconds=2)
    with History(tmp_path / "h.sqlite") as history:
        assert [(run.metrics["hybrid.map"], run.passed) for run in history.of("house", "d")] == [
            (0.9, True),
            (0.5, False),
        ]
        assert history.of("house", "elsewhere") == []


def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h.sqlite").write_text("not a database at all, but long enough to look like one" * 40)
    with pytest.raises(BadInput, match="the history can not be kept there"):
        History(tmp_path / "h.sqlite")


def test_percentiles_are_in_milliseconds() -> None:
    timings = Timings()
    with timings.measure("search"):
        pass
    assert set(timings.percentiles()["search"]) == {"p50", "p95", "p99"}
