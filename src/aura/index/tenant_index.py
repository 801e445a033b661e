"""One tenant's index as one member sees it: search it, add LlamaIndex nodes to it, read and remove them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, insert, select
from sqlalchemy.engine import Row

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import chunks, lexical_statistics
from aura.errors import InvalidRequest
from aura.identity import CollectionId, Scope
from aura.index import generations, lexical, writer
from aura.index.fusion import Fused, fuse
from aura.index.generations import Embedder
from aura.index.search import Found, Places, Query, Served, fetch, search_serving

Mode = Literal["hybrid", "dense", "bm25"]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the index.

    `mode` picks the legs; `weight` is the dense leg's share in their fusion; `candidates` is what each leg contributes.
    """

    text: str
    limit: int = 10
    mode: Mode = "hybrid"
    weight: float = 0.5
    candidates: int = 100
    collection_id: CollectionId | None = None
    condition: ColumnElement[bool] | None = None
    vector: Sequence[float] | NDArray[np.float32] | None = None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, best first, and the seconds it took; `vector` is the text's own, where there was need of it."""

    found: tuple[Found, ...]
    embedding_seconds: float
    search_seconds: float
    vector: Sequence[float] = ()


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A LlamaIndex node as the index keeps it; `node` is its serialised form without the text."""

    id: str
    ref_doc_id: str | None
    text: str
    metadata: dict[str, object]
    node: dict[str, object]


class TenantIndex:
    """Light: it holds no connection and no state of its own, so there is one for each scope."""

    def __init__(self, database: Database, scope: Scope, embedder: Embedder, *, places: Places | None = None) -> None:
        self.scope = scope
        self._places = Places() if places is None else places
        self._database = database
        self._embedder = embedder

    async def search(self, search: Search) -> Results:
        """The best `limit` passages; as many as that whenever the scope has them.

        With an index that another model made, BM25 answers alone: vectors of two models do not compare.

        Raises:
            InvalidRequest: the text is empty.
            Unavailable: the database is away.
        """
        if not search.text.strip() and search.vector is None:
            raise InvalidRequest("the search text is empty: ask for something", field="query")
        started = time.perf_counter()
        vector = await self._vector(search)
        embedded = time.perf_counter()
        shared = search.condition is None and self._places.of(self.scope.tenant_id) is not None
        async with self._database.tenant(self.scope, snapshot=True, one_plan=shared) as session:
            query = Query(
                vector=vector,
                model_sha256=self._embedder.weights_sha256,
                terms={} if search.mode == "dense" else lexical.query_counts(search.text),
                limit=max(search.candidates, search.limit),
                collection_id=search.collection_id,
                condition=search.condition,
            )
            served = await search_serving(session, self.scope, query, self._places)
            if served is None:
                return Results(found=(), embedding_seconds=embedded - started, search_seconds=0.0)
            fused = self._fused(served, search, query.limit)
            found = await fetch(session, self.scope, fused)
        return Results(
            found=tuple(found),
            embedding_seconds=embedded - started,
            search_seconds=time.perf_counter() - embedded,
            vector=() if vector is None else vector.tolist(),
        )

    def _fused(self, served: Served, search: Search, limit: int) -> list[Fused]:
        comparable = served.generation.model_sha256 == self._embedder.weights_sha256
        weight = {"dense": 1.0, "bm25": 0.0}.get(search.mode, search.weight) if comparable else 0.0
        return fuse(served.legs.dense, served.legs.lexical, weight=weight, limit=limit, best=search.limit)

    async def embedded(self, question: str) -> NDArray[np.float32]:
        """The vector that a search for `question` goes by. Raises `InvalidRequest` where it is empty."""
        if not question.strip():
            raise InvalidRequest("the search text is empty: ask for something", field="query")
        return await self._embedder.embed_query(question)

    async def _vector(self, search: Search) -> NDArray[np.float32] | None:
        if search.mode == "bm25":
            return None
        if search.vector is not None:
            return np.asarray(search.vector, dtype=np.float32)
        return await self._embedder.embed_query(search.text)

    async def add(self, rows: Sequence[NodeRow], vectors: NDArray[np.float32]) -> None:
        """Put foreign nodes into the index, replacing those of the same id in this tenant.

        Args:
            rows: the nodes, each id once.
            vectors: `(len(rows), dimension) float32`, in the same order.

        Raises:
            InvalidRequest: the vectors have another dimension than the index.
            Conflict: an id belongs to a document of the catalogue, or the index to another model.
        """
        scope, ids = self.scope.as_service(), [row.id for row in rows]
        async with self._database.tenant(scope) as session, generations.index_lock(session, scope.tenant_id):
            generation = await generations.serving_or_new(session, scope.tenant_id, self._embedder)
            if vectors.shape != (len(rows), generation.dimension):
                raise InvalidRequest(f"vectors of shape {vectors.shape} do not fit an index of {generation.dimension}")
            replaced = and_(chunks.c.id.in_(ids), chunks.c.document_id.is_(None))
            await writer.withdraw(session, scope.tenant_id, generation, replaced)
            values = [_values(scope, row) for row in rows]
            await session.execute(insert(chunks), values)
            hashes = [_text_sha256(row) for row in rows]
            await generations.store_vectors(session, scope.tenant_id, self._embedder, hashes, vectors)
            await writer.publish(session, scope.tenant_id, generation, chunks.c.id.in_(ids))

    async def remove(self, which: ColumnElement[bool]) -> int:
        """Remove the LlamaIndex nodes of `which`; documents of the catalogue are not touched. How many that were."""
        scope = self.scope.as_service()
        async with self._database.tenant(scope) as session, generations.index_lock(session, scope.tenant_id):
            generation = await generations.serving(session, scope.tenant_id)
            foreign = and_(which, chunks.c.document_id.is_(None))
            return (await writer.withdraw(session, scope.tenant_id, generation, foreign)).chunks

    async def size(self) -> int:
        """How many chunks of the tenant can be found, private ones of every member included."""
        async with self._database.tenant(self.scope) as session:
            query = select(lexical_statistics.c.chunks).where(visible(lexical_statistics, self.scope))
            return await session.scalar(query) or 0

    async def rows(self, which: ColumnElement[bool], *, limit: int) -> Sequence[Row[tuple[object, ...]]]:
        """The chunks of `which` that the scope sees, with all their columns, by id."""
        async with self._database.tenant(self.scope) as session:
            statement = select(chunks).where(visible(chunks, self.scope), which).order_by(chunks.c.id).limit(limit)
            return (await session.execute(statement)).all()


def _values(scope: Scope, row: NodeRow) -> dict[str, object]:
    counts = dict(sorted(lexical.term_counts(row.text).items()))
    return {
        "tenant_id": scope.tenant_id,
        "id": row.id,
        "ref_doc_id": row.ref_doc_id,
        "text": row.text,
        "end_offset": len(row.text),
        "length": sum(counts.values()),
        "term_ids": list(counts),
        "term_counts": list(counts.values()),
        "text_sha256": _text_sha256(row),
        "metadata": row.metadata,
        "node": row.node,
    }


def _text_sha256(row: NodeRow) -> bytes:
    """The key of a foreign node's vector: its maker embedded it in a way of its own, so it is shared with no other text."""
    return sha256(f"node\n{row.id}\n{row.text}".encode()).digest()
