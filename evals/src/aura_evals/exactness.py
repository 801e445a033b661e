"""The suite of kind `tenants`: in a database of many tenants, does each find what an exact scan of its own rows finds?

Vectors are drawn, not made by a model: what is tried is the database's search at every size of a tenant, and a tenant
among others whose vectors lie just as near.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery
from numpy.typing import NDArray

from aura import Aura, Workspace
from aura_evals.documents import EXACT_DEPTH, Chunks, exact_recall, too_inexact
from aura_evals.progress import Bars
from aura_evals.result import Case
from aura_evals.sandbox import new_tenant

QUERIES = 20
_BATCH = 500
_SEED = 20_250_301


async def measure_tenants(aura: Aura, sizes: Sequence[int], bars: Bars) -> tuple[list[Case], list[str]]:
    """A case for each query of each tenant, and a violation for each tenant below the least recall."""
    rng = np.random.default_rng(_SEED)
    bar = bars.bar("filling tenants", sum(sizes))
    tenants: list[tuple[int, Workspace, Chunks]] = []
    for size in sizes:
        workspace = await new_tenant(aura)
        vectors = _unit(rng.standard_normal((size, workspace.embed_model.dimension)))
        ids = [f"chunk-{number}" for number in range(size)]
        for start in range(0, size, _BATCH):
            await workspace.index.vector_store.async_add(_nodes(ids, vectors, start))
            bar.advance(min(_BATCH, size - start))
        tenants.append((size, workspace, Chunks(ids, vectors)))
    cases: list[Case] = []
    violations: list[str] = []
    for number, (size, workspace, chunks) in enumerate(tenants):
        asked = _unit(rng.standard_normal((QUERIES, workspace.embed_model.dimension)))
        mine = await asyncio.gather(*(_case(number, size, workspace, chunks, n, asked[n]) for n in range(QUERIES)))
        cases += mine
        violations += too_inexact(mine, f"{size:,} chunks")
    return cases, violations


async def _case(
    number: int, size: int, workspace: Workspace, chunks: Chunks, n: int, asked: NDArray[np.float32]
) -> Case:
    query = VectorStoreQuery(query_embedding=asked.tolist(), similarity_top_k=EXACT_DEPTH)
    result = await workspace.index.vector_store.aquery(query)
    recall = exact_recall([str(each) for each in result.ids or ()], asked, chunks)
    return Case(
        id=f"tenant {number} query {n:02}",
        slice=f"{size} chunks",
        query=f"drawn vector {n}",
        values={f"dense.exact_recall@{EXACT_DEPTH}": recall},
    )


def _nodes(ids: Sequence[str], vectors: NDArray[np.float32], start: int) -> list[TextNode]:
    return [
        TextNode(id_=chunk_id, text=f"row {chunk_id}", embedding=vector.tolist())
        for chunk_id, vector in zip(ids[start : start + _BATCH], vectors[start : start + _BATCH], strict=True)
    ]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
