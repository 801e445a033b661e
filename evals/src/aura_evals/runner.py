"""Runs a suite: opens what it needs, measures, and closes it again."""

from __future__ import annotations

from collections.abc import Mapping

from aura import Aura, Workspace
from aura_evals.answers import measure_answers
from aura_evals.beir import Dataset
from aura_evals.documents import measure_chunks, measure_exactness, measure_retrieval, merged, too_inexact
from aura_evals.errors import BadInput
from aura_evals.exactness import measure_tenants
from aura_evals.golden import GoldenSet
from aura_evals.hearing import measure_hearing
from aura_evals.isolation import leaks, probe_isolation
from aura_evals.model_judge import ModelJudge
from aura_evals.persona import measure_facade, measure_hints, measure_learning, measure_manner
from aura_evals.progress import Bars
from aura_evals.result import Case, Model, Outcome
from aura_evals.retrieval import run_retrieval
from aura_evals.sandbox import Equipment, model_of, new_tenant, opened
from aura_evals.suite import Suite
from aura_evals.talk import measure_barge_in, measure_latency, measure_turns
from aura_evals.target import LibraryTarget, Target
from aura_evals.tenants import ingested
from aura_evals.timings import Timings


async def run_suite(suite: Suite, dataset: Dataset | GoldenSet | None, equipment: Equipment) -> Outcome:
    """Run a suite on a dataset; the kinds `isolation`, `tenants` and `voice` make their own.

    Raises:
        BadInput: the suite can not be run on this dataset.
    """
    if suite.kind == "isolation":
        return await _isolation(suite, equipment)
    if suite.kind == "tenants":
        return await _tenants(suite, equipment)
    if suite.kind == "voice":
        return await _voice(equipment)
    if isinstance(dataset, Dataset) and suite.kind == "retrieval":
        return await run_retrieval(suite, dataset, equipment)
    if not isinstance(dataset, GoldenSet):
        raise BadInput(f"suite {suite.name!r} needs a dataset of documents and questions (questions.jsonl)")
    async with opened(suite, equipment) as aura:
        workspaces = await ingested(aura, dataset, equipment.bars)
        if suite.kind == "persona":
            return await _persona(aura, dataset, workspaces, equipment.bars)
        return await measure(suite, dataset, workspaces, equipment.bars, equipment.timings, equipment.judge)


async def measure(
    suite: Suite,
    dataset: GoldenSet,
    workspaces: Mapping[str, Workspace],
    bars: Bars | None = None,
    timings: Timings | None = None,
    judge: ModelJudge | None = None,
) -> Outcome:
    """Measure workspaces that hold the dataset's documents already."""
    bars = bars or Bars()
    targets: dict[str, Target] = {name: LibraryTarget(workspace, timings) for name, workspace in workspaces.items()}
    model = model_of(next(iter(workspaces.values())))
    if suite.kind == "answers":
        answered = await measure_answers(targets, dataset.questions, bars, judge)
        return Outcome(model=model, cases=tuple(answered), facts={} if judge is None else judge.facts())
    cases = await measure_retrieval(targets, dataset.questions, suite.legs, suite.metrics, bars)
    violations: list[str] = []
    count = 0
    for organisation, workspace in workspaces.items():
        of_chunks, chunks = await measure_chunks(workspace, organisation, dataset)
        exact: list[Case] = []
        if "dense" in suite.legs:
            exact = await measure_exactness(workspace, dataset.of(organisation), chunks)
        violations += too_inexact(exact, organisation)
        cases += [*of_chunks, *exact]
        count += len(chunks.ids)
    return Outcome(model=model, cases=merged(cases), violations=tuple(violations), facts={"chunks": str(count)})


async def _persona(aura: Aura, dataset: GoldenSet, workspaces: dict[str, Workspace], bars: Bars) -> Outcome:
    cases = [*measure_learning(), *measure_hints(dataset.questions), *await measure_facade(aura)]
    cases += await measure_manner(workspaces, dataset, bars)
    return Outcome(model=model_of(next(iter(workspaces.values()))), cases=tuple(cases))


async def _voice(equipment: Equipment) -> Outcome:
    cases = [*await measure_turns(), *await measure_barge_in(), *await measure_latency()]
    cases += await measure_hearing(equipment.bars)
    return Outcome(model=Model(name="none", sha256=""), cases=tuple(cases))


async def _isolation(suite: Suite, equipment: Equipment) -> Outcome:
    async with opened(suite, equipment) as aura:
        model = model_of(await new_tenant(aura))
        cases = await probe_isolation(aura)
        return Outcome(model=model, cases=tuple(cases), violations=leaks(cases))


async def _tenants(suite: Suite, equipment: Equipment) -> Outcome:
    async with opened(suite, equipment) as aura:
        model = model_of(await new_tenant(aura))
        cases, violations = await measure_tenants(aura, suite.sizes, equipment.bars)
        return Outcome(model=model, cases=tuple(cases), violations=tuple(violations))
