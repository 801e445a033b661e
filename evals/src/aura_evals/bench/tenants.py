"""`bench tenants`: one tenant's search among many others, against the same tenant alone in the database."""

from __future__ import annotations

from functools import partial
from random import Random
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from aura import Passage, Workspace
from aura.index.tenant_index import Mode
from aura_evals.bench.loading import chunk_id, clone_tenant, superuser
from aura_evals.bench.measuring import Bench, concurrently, open_bench, recall
from aura_evals.bench.report import Goal, Recorder, Report, milliseconds
from aura_evals.bench.synthetic import Corpus

_P95 = Goal(limit=2.0)
_EXACT = Goal(limit=1.0, at_least=True, absolute=True)

Tenant = tuple[Workspace, list[str], NDArray[np.float16]]
"""A workspace, the ids of its chunks and their vectors."""


async def bench_tenants(tenants: int, chunks: int, queries: int, at_once: int) -> Report:
    """Ask `queries` questions, `at_once` at a time: of one tenant alone, then of `tenants` tenants at random."""
    recorder = Recorder("tenants")
    corpus, random = Corpus(), Random(0)
    questions = [corpus.question() for _ in range(queries)]
    async with open_bench(corpus) as bench:
        first = _loaded(bench, bench.workspace, chunks)
        bench.loader.settle()
        await _ask(questions[:at_once], [first] * at_once, at_once, "hybrid")
        alone = await _ask(questions, [first] * queries, at_once, "hybrid")
        numbers = random.choices(range(tenants), k=queries)
        asked = {0: first} | {n: await _another(bench, n, chunks) for n in range(1, tenants) if n in set(numbers)}
        for number in set(range(tenants)) - set(asked):
            await _another(bench, number, chunks)  # in the way, and not kept: their vectors are most of the memory
        bench.loader.settle()
        chosen = [asked[number] for number in numbers]
        await _ask(questions[:at_once], chosen[:at_once], at_once, "hybrid")
        among = await _ask(questions, chosen, at_once, "hybrid")
        dense = await _ask(questions, chosen, at_once, "dense")
    what = f"{tenants:,} × {chunks:,} chunks, {at_once} at once"
    for percentile, goal in ((50.0, None), (95.0, _P95)):
        ours, theirs = (milliseconds([seconds for seconds, _ in times], percentile) for times in (among, alone))
        recorder.add(f"{what}: search p{percentile:.0f} / alone", ours, "ms", against=theirs, goal=goal)
    found = [
        recall(question, passages, ids, vectors)
        for question, (_, passages), (_, ids, vectors) in zip(questions, dense, chosen, strict=True)
    ]
    recorder.add("recall@10 of the dense leg / exact, mean", fmean(found), "", goal=_EXACT)
    recorder.add("recall@10 of the dense leg / exact, worst query", min(found), "", goal=_EXACT)
    return recorder.report()


def _loaded(bench: Bench, workspace: Workspace, chunks: int) -> Tenant:
    vectors = bench.loader.load(bench.place, chunks)
    return workspace, [chunk_id(bench.place, number) for number in range(chunks)], vectors


async def _another(bench: Bench, number: int, chunks: int) -> Tenant:
    with superuser(bench.server) as connection:
        place = clone_tenant(bench.place, f"bench-{number}", connection)
    vectors = bench.loader.load(place, chunks)
    return await bench.aura.workspace(f"bench-{number}"), [chunk_id(place, n) for n in range(chunks)], vectors


async def _ask(
    questions: list[str], tenants: list[Tenant], at_once: int, mode: Mode
) -> list[tuple[float, list[Passage]]]:
    return await concurrently(
        [
            partial(workspace.search, question, limit=10, mode=mode)
            for question, (workspace, _, _) in zip(questions, tenants, strict=True)
        ],
        at_once,
    )
