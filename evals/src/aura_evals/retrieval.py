"""The suite of kind `retrieval`: how well AURA finds the judged documents of a dataset, through its real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode
from rich.progress import Progress, TaskID

from aura import Workspace
from aura_evals import beir
from aura_evals.beir import Dataset, Document, Query
from aura_evals.metrics import Scores, score
from aura_evals.result import Model, Retrieved
from aura_evals.sandbox import new_tenant, open_sandbox
from aura_evals.suite import Leg, Suite
from aura_evals.vectors import VectorCache

DEPTH = 100
"""How many passages each query asks for."""

_DOCUMENTS_AT_ONCE = 256
_QUERIES_AT_ONCE = 4


async def run_retrieval(
    suite: Suite,
    dataset: Dataset,
    *,
    cache: VectorCache,
    progress: Progress,
    data_dir: Path | None = None,
    embed_model: BaseEmbedding | None = None,
) -> Retrieved:
    """Index `dataset` in a tenant of its own, ask all its queries in every leg, and score the answers.

    One chunk per document, its title in front of its text, with the document's id; what is longer than the model's window
    is cut by the model, and whole for BM25.

    Cost: memory for one batch of documents; time for encoding what `cache` does not have.
    """
    async with open_sandbox(settings=suite.settings, data_dir=data_dir, embed_model=embed_model) as aura:
        workspace = await new_tenant(aura)
        await _index(workspace, dataset, cache, _Bar(progress, "indexing documents", dataset.documents))
        scores: dict[Leg, Scores] = {}
        for leg in suite.legs:
            bar = _Bar(progress, f"searching, {leg}", len(dataset.queries))
            rankings = await _rankings(workspace, dataset.queries, leg, bar)
            scores[leg] = score(dataset.qrels, rankings, suite.metrics)
        model = workspace.embed_model
        return Retrieved(model=Model(name=model.model_name, sha256=model.weights_sha256), scores=scores)


class _Bar:
    """One line of the progress display."""

    def __init__(self, progress: Progress, what: str, total: int) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task(what, total=total)

    def advance(self, by: int = 1) -> None:
        self._progress.advance(self._task, by)


async def _index(workspace: Workspace, dataset: Dataset, cache: VectorCache, bar: _Bar) -> None:
    batches = beir.batches(dataset.corpus(), _DOCUMENTS_AT_ONCE)
    async with _ahead(workspace, cache, batches) as nodes:
        async for batch in nodes:
            await workspace.index.vector_store.async_add(batch)
            bar.advance(len(batch))


@asynccontextmanager
async def _ahead(
    workspace: Workspace, cache: VectorCache, batches: Iterator[list[Document]]
) -> AsyncGenerator[AsyncGenerator[list[TextNode]]]:
    """Encoded batches, the next one under way while the caller stores the last."""

    async def encoded() -> list[TextNode] | None:
        batch = await asyncio.to_thread(next, batches, None)
        return None if batch is None else await _nodes(workspace, cache, batch)

    async def stream() -> AsyncGenerator[list[TextNode]]:
        nonlocal following
        while (nodes := await following) is not None:
            following = asyncio.create_task(encoded())
            yield nodes

    following = asyncio.create_task(encoded())
    nodes = stream()
    try:
        yield nodes
    finally:
        await nodes.aclose()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _nodes(workspace: Workspace, cache: VectorCache, documents: Sequence[Document]) -> list[TextNode]:
    model = workspace.embed_model
    texts = [document.content for document in documents]
    vectors = await cache.embed(texts, model_sha256=model.weights_sha256, dimension=model.dimension, encode=model.embed)
    return [
        TextNode(id_=document.id, text=text, embedding=vector.tolist())
        for document, text, vector in zip(documents, texts, vectors, strict=True)
    ]


async def _rankings(workspace: Workspace, queries: Sequence[Query], leg: Leg, bar: _Bar) -> dict[str, list[str]]:
    """Document ids for each query, best first."""
    rankings: dict[str, list[str]] = {}
    waiting = iter(queries)

    async def work() -> None:
        for query in waiting:
            passages = await workspace.search(query.text, limit=DEPTH, mode=leg)
            rankings[query.id] = [passage.chunk_id for passage in passages if passage.chunk_id != query.id]
            bar.advance()

    async with asyncio.TaskGroup() as group:
        for _ in range(_QUERIES_AT_ONCE):
            group.create_task(work())
    return rankings
