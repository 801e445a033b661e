"""Retrieval on a corpus in BEIR's layout, through AURA's real database: one chunk for each document, of any number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec
from llama_index.core.schema import TextNode

from aura import Aura, NotFound, Workspace
from aura_evals import beir
from aura_evals.beir import Dataset, Document, Query
from aura_evals.metrics import score
from aura_evals.progress import Bar
from aura_evals.result import Case, Outcome, write_whole
from aura_evals.sandbox import Equipment, model_of, new_tenant, opened
from aura_evals.suite import Leg, Suite
from aura_evals.working import in_turns

DEPTH = 100
"""How many passages each query asks for."""

PLACE = "aura-evals-place.json"
"""In the folder of the database: how far a run had come."""

_DOCUMENTS_AT_ONCE = 256
_SHOWN = 3


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run had come: the first `documents` of a corpus are in the tenant."""

    corpus: str
    subdomain: str
    documents: int


async def run_retrieval(suite: Suite, dataset: Dataset, equipment: Equipment) -> Outcome:
    """Index `dataset` in a tenant of its own, ask all its queries in every leg, and score the answers.

    One chunk per document, its title in front of its text, with the document's id; what is longer than the model's window
    is cut by the model, and whole for BM25. A run that was interrupted goes on where it was when it is started again with
    the same `data_dir`.

    Cost: memory for two batches of documents; time for encoding what the cache does not have.
    """
    async with opened(suite, equipment) as aura:
        workspace, place = await _taken_up(aura, dataset, equipment.data_dir)
        bar = equipment.bars.bar("indexing documents", dataset.documents)
        await _index(workspace, dataset, place, equipment.data_dir, bar)
        values: dict[str, dict[str, float]] = {query.id: {} for query in dataset.queries}
        shown: dict[str, str] = {}
        for leg in suite.legs:
            bar = equipment.bars.bar(f"searching, {leg}", len(dataset.queries))
            rankings = await _rankings(workspace, dataset.queries, leg, bar)
            shown = {query_id: " ".join(ranking[:_SHOWN]) for query_id, ranking in rankings.items()}
            for query_id, scored in score(dataset.qrels, rankings, suite.metrics).per_query.items():
                values[query_id] |= {f"{leg}.{metric}": value for metric, value in scored.items()}
        return Outcome(
            model=model_of(workspace),
            cases=tuple(
                Case(id=query.id, query=query.text, answer=shown.get(query.id, ""), values=values[query.id])
                for query in dataset.queries
            ),
        )


async def _taken_up(aura: Aura, dataset: Dataset, data_dir: Path | None) -> tuple[Workspace, Place]:
    """The tenant of an interrupted run over this corpus, and how far it had come; a new one where there is none."""
    corpus = await asyncio.to_thread(_identity, dataset)
    if data_dir is not None:
        with suppress(OSError, msgspec.DecodeError, NotFound):
            place = msgspec.json.decode((data_dir / PLACE).read_bytes(), type=Place)
            workspace = await aura.workspace(place.subdomain)
            if place.corpus == f"{corpus} {workspace.embed_model.weights_sha256}":
                return workspace, place
    workspace = await new_tenant(aura)
    corpus = f"{corpus} {workspace.embed_model.weights_sha256}"
    return workspace, Place(corpus=corpus, subdomain=workspace.organisation.subdomain, documents=0)


def _identity(dataset: Dataset) -> str:
    """Of the corpus as it lies there. Its time of change stands for its content, which may have gigabytes."""
    file = (dataset.path / "corpus.jsonl").resolve()
    state = file.stat()
    judged = sorted(dataset.qrels) if dataset.limit is not None else []
    return sha256(f"{file} {state.st_size} {state.st_mtime_ns} {dataset.limit} {judged}".encode()).hexdigest()


async def _index(workspace: Workspace, dataset: Dataset, place: Place, data_dir: Path | None, bar: Bar) -> None:
    bar.advance(place.documents)
    batches = beir.batches(islice(dataset.corpus(), place.documents, None), _DOCUMENTS_AT_ONCE)
    done = place.documents
    async with _ahead(workspace, batches) as nodes:
        async for batch in nodes:
            await workspace.index.vector_store.async_add(batch)
            done += len(batch)
            if data_dir is not None:
                record = msgspec.json.encode(msgspec.structs.replace(place, documents=done))
                await asyncio.to_thread(write_whole, data_dir / PLACE, record)
            bar.advance(len(batch))


@asynccontextmanager
async def _ahead(
    workspace: Workspace, batches: Iterator[list[Document]]
) -> AsyncGenerator[AsyncGenerator[list[TextNode]]]:
    """Encoded batches, the next one under way while the caller stores the last."""

    async def encoded() -> list[TextNode] | None:
        batch = await asyncio.to_thread(next, batches, None)
        return None if batch is None else await _nodes(workspace, batch)

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


async def _nodes(workspace: Workspace, documents: Sequence[Document]) -> list[TextNode]:
    texts = [document.content for document in documents]
    vectors = await workspace.embed_model.embed(texts)
    return [
        TextNode(id_=document.id, text=text, embedding=vector.tolist())
        for document, text, vector in zip(documents, texts, vectors, strict=True)
    ]


async def _rankings(workspace: Workspace, queries: Sequence[Query], leg: Leg, bar: Bar) -> dict[str, list[str]]:
    """Document ids for each query, best first."""

    async def search(query: Query) -> list[str]:
        if leg == "rerank":
            passages = (await workspace.ask(query.text)).sources
        else:
            passages = await workspace.search(query.text, limit=DEPTH, mode=leg)
        return [passage.chunk_id for passage in passages if passage.chunk_id != query.id]

    found = await in_turns(queries, search, done=bar.advance)
    return {query.id: ranking for query, ranking in zip(queries, found, strict=True)}
