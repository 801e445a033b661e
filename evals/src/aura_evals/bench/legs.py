"""`bench legs`: each leg's time as a tenant grows, to decide when another kind of index is due."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from aura.index.tenant_index import Mode
from aura_evals.bench.loading import chunk_id
from aura_evals.bench.measuring import Bench, open_bench, recall, timed
from aura_evals.bench.report import Goal, Recorder, Report, milliseconds
from aura_evals.bench.synthetic import Corpus
from aura_evals.retrieval import DEPTH

_RECALL = Goal(limit=0.95, at_least=True, absolute=True)


async def bench_legs(sizes: Sequence[int], queries: int, dedicated_from: int) -> Report:
    """Time BM25 and dense, one question after the other, at each of `sizes`; with HNSW too from `dedicated_from` chunks.

    The times hold all of `workspace.search` but the query's embedding: the shared table is scanned exactly.
    """
    recorder = Recorder("legs")
    smallest: dict[str, float] = {}
    for size in sizes:
        corpus = Corpus()
        questions = [corpus.question() for _ in range(queries)]
        async with open_bench(corpus) as bench:
            vectors = bench.loader.load(bench.place, size)
            bench.loader.settle()
            times = {
                "BM25": await _time(bench, questions, "bm25"),
                "dense, exact": await _time(bench, questions, "dense"),
            }
            for leg, seconds in times.items():
                median = milliseconds(seconds)
                recorder.add(f"{leg}, {size:,} chunks, p50 / at {sizes[0]:,}", median, "ms", against=smallest.get(leg))
                smallest.setdefault(leg, median)
            if size >= dedicated_from:
                await _dedicated(bench, recorder, questions, vectors, milliseconds(times["dense, exact"]))
    return recorder.report()


async def _dedicated(
    bench: Bench, recorder: Recorder, questions: Sequence[str], vectors: NDArray[np.float16], exact: float
) -> None:
    size = len(vectors)
    seconds, _ = await timed(bench.workspace.reindex(dedicated=True))
    recorder.note(f"moving {size:,} chunks to a table of their own with HNSW took {seconds:.0f} s")
    times = await _time(bench, questions, "dense")
    recorder.add(f"dense, HNSW / exact, {size:,} chunks, p50", milliseconds(times), "ms", against=exact)
    ids = [chunk_id(bench.place, number) for number in range(size)]
    found = [
        recall(question, await bench.workspace.search(question, limit=10, mode="dense"), ids, vectors)
        for question in questions
    ]
    recorder.add(f"recall@10 of HNSW / exact, {size:,} chunks", fmean(found), "", goal=_RECALL)


async def _time(bench: Bench, questions: Sequence[str], leg: Mode) -> list[float]:
    times: list[float] = []
    await bench.workspace.search(questions[0], limit=DEPTH, mode=leg)
    for question in questions:
        embedding = 0.0
        if leg != "bm25":
            embedding, _ = await timed(bench.workspace.embed_model.embed_query(question))
        seconds, _ = await timed(bench.workspace.search(question, limit=10, mode=leg))
        times.append(seconds - embedding)
    return times
