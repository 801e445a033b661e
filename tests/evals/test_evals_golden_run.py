"""The gate itself: the golden set through all of AURA, against the baselines that lie in git.

Red here means that a change made AURA worse. Look at the queries that are named; when the new numbers are the right ones,
`aura-evals run golden --baseline evals/baselines/golden.jsonl --update-baseline --reason "…"` makes them the baseline.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

import pytest

from aura_evals.baseline import read_baseline
from aura_evals.dataset import about
from aura_evals.gate import judge
from aura_evals.golden import GoldenSet, Place, find_quote, open_golden, shipped
from aura_evals.progress import Bars
from aura_evals.result import Result, result_of
from aura_evals.runner import measure
from aura_evals.sandbox import Equipment, opened
from aura_evals.suite import open_suite
from aura_evals.tenants import ingested
from aura_evals.timings import Timings
from aura_evals.vectors import VectorCache

BASELINES = Path(__file__).parents[2] / "evals" / "baselines"
FOLDER = shipped("golden")
assert FOLDER is not None
GOLDEN = open_golden(FOLDER)
SUITES = ("golden", "golden-answers")


class Run(NamedTuple):
    results: dict[str, Result]
    again: dict[str, Result]
    texts: dict[tuple[str, str], str]


async def _run() -> Run:
    part = open_golden(GOLDEN.path, limit=4)
    with VectorCache() as cache:
        equipment = Equipment(cache=cache, bars=Bars(), timings=Timings())
        async with opened(open_suite("golden-answers"), equipment) as aura:
            workspaces = await ingested(aura, GOLDEN, equipment.bars)

            async def result(name: str, dataset: GoldenSet) -> Result:
                suite = open_suite(name)
                outcome = await measure(suite, dataset, workspaces)
                return result_of(suite, about(suite, dataset), outcome, suite.all_floors())

            results = {name: await result(name, GOLDEN) for name in SUITES}
            again = {name: await result(name, part) for name in SUITES}
            texts = {
                (organisation, document.filename): await workspace.documents.text(document.id)
                for organisation, workspace in workspaces.items()
                for document in (await workspace.documents.list(limit=100)).items
            }
    return Run(results, again, texts)


@pytest.fixture(scope="module")
def run() -> Run:
    """One run for all tests: it takes minutes when the cache of vectors is cold."""
    return asyncio.run(_run())


@pytest.mark.parametrize("name", SUITES)
def test_the_gate_is_green(run: Run, name: str) -> None:
    verdict = judge(run.results[name], read_baseline(BASELINES / f"{name}.jsonl"))
    shown = [f"{change.id}: {change.before} -> {change.after}: {change.answer_after}" for moved in verdict.regressions
             for change in moved.changes]  # fmt: skip
    assert verdict.passed, "\n".join([*verdict.faults, *shown])


@pytest.mark.parametrize("name", SUITES)
def test_the_same_question_has_the_same_numbers_and_the_same_answer_again(run: Run, name: str) -> None:
    first = {case.id: case for case in run.results[name].cases}
    for case in run.again[name].cases:
        assert case == first[case.id]


def test_every_quote_of_the_golden_set_is_in_the_text_of_its_document(run: Run) -> None:
    def missing(organisation: str, place: Place) -> bool:
        return find_quote(run.texts[organisation, place.document], place.quote) is None

    lost = [
        (question.id, place.quote)
        for question in GOLDEN.questions
        for places in question.gold
        for place in places
        if missing(question.organisation, place)
    ]
    assert lost == []


def test_a_picture_of_a_page_is_not_read_by_chance(run: Run) -> None:
    assert "Solveig Marchbank" not in run.texts["brackwater", "emergency-contacts.pdf"]
    assert "After the emergency" in run.texts["brackwater", "emergency-contacts.pdf"]
