"""The two legs of retrieval in one statement, and the passages behind their hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import Subquery

from aura.database.scopes import Sight, scope_values
from aura.database.statements import ScopedStatement
from aura.database.tables import TERM_SPACE, chunks, documents, index_table, lexical_statistics, lexicon
from aura.identity import CollectionId, DocumentId, Scope, TenantId
from aura.index import generations
from aura.index.fusion import Fused, Hit
from aura.index.generations import Generation
from aura.index.passage import Passage

_MOST_PLACES = 50_000
_MOST: Final = bindparam("most", type_=Integer)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What the legs are asked. A leg without input (no vector, no terms) is not run.

    `vector` is `(dimension,) float32`, of the model that `model_sha256` names: in the index of another one, BM25 answers
    alone, since vectors of two models do not compare. `terms` are hashed term ids with their counts in the query;
    `limit` is per leg; `condition` is on the columns of `chunks`.
    """

    vector: NDArray[np.float32] | None = None
    model_sha256: str = ""
    terms: Mapping[int, int] = {}
    limit: int = 100
    collection_id: CollectionId | None = None
    condition: ColumnElement[bool] | None = None

    def for_index(self, generation: Generation) -> Query:
        """This query without its vector, where `generation` was made by another model."""
        return self if generation.model_sha256 == self.model_sha256 else msgspec.structs.replace(self, vector=None)


class Legs(msgspec.Struct, frozen=True, kw_only=True):
    """The best hits of each leg, best first: cosines (−1 … 1), and BM25 scores (above 0)."""

    dense: tuple[Hit, ...] = ()
    lexical: tuple[Hit, ...] = ()


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What both legs found, and in which generation."""

    generation: Generation
    legs: Legs


class Places:
    """The generations that answered last, so that a search need not ask for them first. A hint: each search checks it."""

    def __init__(self) -> None:
        self._generations: dict[TenantId, Generation] = {}

    def note(self, tenant_id: TenantId, generation: Generation | None) -> None:
        """Remember where the tenant's passages are, if that is a table of many: one of its own may be gone by then."""
        if generation is None or generation.dedicated:
            self._generations.pop(tenant_id, None)
            return
        if len(self._generations) >= _MOST_PLACES:
            self._generations.clear()
        self._generations[tenant_id] = generation

    def of(self, tenant_id: TenantId) -> Generation | None:
        """Where they were last."""
        return self._generations.get(tenant_id)


async def search_serving(session: AsyncConnection, scope: Scope, query: Query, places: Places) -> Served | None:
    """Both legs in the generation that answers; None before the first chunk.

    Cost: one round trip where `places` still knows the table, else a second one, and as `search_legs`.
    """
    known = places.of(scope.tenant_id)
    if known is not None and query.condition is None and _runs(query.for_index(known)):
        asked = query.for_index(known)
        row = (await _plain(_shape(asked, known)).run(session, scope, _values(known, asked))).one()
        if row.answering == known.id:
            return Served(generation=known, legs=_legs(row, asked))
        await session.execute(text("SET LOCAL plan_cache_mode = auto"))  # a graph is not searched by one plan for all
    generation = await generations.serving(session, scope.tenant_id)
    places.note(scope.tenant_id, generation)
    if generation is None:
        return None
    legs = await search_legs(session, scope, generation, query.for_index(generation))
    return Served(generation=generation, legs=legs)


async def search_legs(session: AsyncConnection, scope: Scope, generation: Generation, query: Query) -> Legs:
    """Both legs. Cost: one round trip; three where a dedicated index's graph came back short and is scanned instead."""
    found = await _run(session, scope, generation, query)
    if generation.dedicated and query.vector is not None and len(found.dense) < query.limit:
        await session.execute(text("SET LOCAL enable_indexscan = off"))
        found = await _run(session, scope, generation, query)
        await session.execute(text("SET LOCAL enable_indexscan = on"))
    return found


async def _run(session: AsyncConnection, scope: Scope, generation: Generation, query: Query) -> Legs:
    if not _runs(query):
        return Legs()
    shape, values = _shape(query, generation), _values(generation, query)
    if query.condition is None:
        rows = await _plain(shape).run(session, scope, values)
    else:
        special = _both(shape, query.condition, Sight.of(scope))
        rows = await session.execute(special, {**scope_values(scope), **values})
    return _legs(rows.one(), query)


def _runs(query: Query) -> bool:
    """Whether a leg has anything to go by."""
    return query.vector is not None or bool(query.terms)


def _values(generation: Generation, query: Query) -> dict[str, object]:
    return {
        "generation": generation.id,
        "collection": query.collection_id,
        "vector": None if query.vector is None else as_text(query.vector),
        "term_ids": list(query.terms),
        "term_counts": list(query.terms.values()),
        "most": query.limit,
    }


def as_text(vector: NDArray[np.float32]) -> str:
    """A vector as pgvector reads it."""
    return msgspec.json.encode(vector.tolist()).decode()


def _legs(row: Any, query: Query) -> Legs:
    dense = _hits(row.distance_ids, row.distance_values, at_zero=1.0) if query.vector is not None else ()
    return Legs(dense=dense, lexical=_hits(row.product_ids, row.product_values) if query.terms else ())


def _hits(ids: Sequence[str] | None, values: Sequence[float] | None, *, at_zero: float = 0.0) -> tuple[Hit, ...]:
    """Hits by what pgvector orders by, least first. None is what PostgreSQL has for an array of no rows."""
    return tuple([Hit(id=id, score=at_zero - value) for id, value in zip(ids or (), values or (), strict=True)])


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """All by which one search's statement differs from another's, when nothing but its values does.

    `dedicated`: the table has an HNSW index, which serves one order alone. A shared one is scanned, once for both legs.
    """

    table_name: str
    dedicated: bool
    dimension: int
    in_collection: bool
    dense: bool
    lexical: bool


def _shape(query: Query, generation: Generation) -> _Shape:
    return _Shape(
        table_name=generation.table_name,
        dedicated=generation.dedicated,
        dimension=0 if query.vector is None else len(query.vector),
        in_collection=query.collection_id is not None,
        dense=query.vector is not None,
        lexical=bool(query.terms),
    )


@lru_cache(maxsize=256)
def _plain(shape: _Shape) -> ScopedStatement:
    # Whether the graph of a dedicated index is used is to be decided for the values at hand, and not once for all.
    return ScopedStatement(partial(_both, shape, None), prepared=not shape.dedicated)


def _both(shape: _Shape, condition: ColumnElement[bool] | None, sight: Sight) -> Select[tuple[object, ...]]:
    """One row: which generation answers, and each leg's ids and scores as two arrays."""
    index = index_table(shape.table_name)
    rows = and_(sight.sees(index), index.c.generation_id == bindparam("generation", type_=Uuid))
    if shape.in_collection:
        rows = and_(rows, index.c.collection_id == bindparam("collection", type_=Uuid))
    if condition is not None:
        rows = and_(rows, index.c.chunk_id.in_(select(chunks.c.id).where(sight.sees(chunks), condition)))
    vector: ColumnElement[object] = bindparam("vector", type_=Text).cast(HALFVEC(shape.dimension))
    if not shape.dedicated:
        vector = select(vector).scalar_subquery()  # or a prepared plan reads its text anew for every row
    distance = index.c.embedding.cosine_distance(vector).label("distance")
    product = index.c.terms.max_inner_product(_asked_terms(sight)).label("product")  # pgvector's: the negative product
    asked = [*([distance] if shape.dense else ()), *([product] if shape.lexical else ())]
    if shape.dedicated:
        scans = [select(index.c.chunk_id, column).where(rows).subquery() for column in asked]
    else:
        scans = [select(index.c.chunk_id, *asked).where(rows).cte("scanned")] * len(asked)
    legs = [_leg(scan, column.key) for scan, column in zip(scans, asked, strict=True)]
    answering = generations.answering(bindparam("scope_tenant", type_=Uuid)).scalar_subquery().label("answering")
    first, *others = legs
    joined: FromClause = first
    for other in others:
        joined = joined.join(other, true())  # one row beside the other
    return select(answering, *(column for leg in legs for column in leg.c)).select_from(joined)


def _leg(scan: FromClause, order: str) -> Subquery:
    """The best of `scan` by its column `order`, least first, as two arrays."""
    best = select(scan.c.chunk_id, scan.c[order]).order_by(order).limit(_MOST).subquery()
    ids, values = func.array_agg(best.c.chunk_id), func.array_agg(best.c[order])
    found = select(ids.label(f"{order}_ids"), values.label(f"{order}_values"))
    return (found.where(best.c[order] < 0) if order == "product" else found).subquery()


def _asked_terms(sight: Sight) -> ColumnElement[object]:
    """The query's side of BM25 as a scalar: each known term's idf in this tenant, times its count in the query.

    Source: Lucene's BM25 idf, ln(1 + (N - df + 0.5) / (df + 0.5)); `lexical.idf` is the same in Python.
    """
    asked = (
        func.unnest(bindparam("term_ids", type_=ARRAY(Integer)), bindparam("term_counts", type_=ARRAY(Integer)))
        .table_valued(column("term", Integer), column("count", Integer), name="asked")
        .render_derived()
    )
    total = select(lexical_statistics.c.chunks).where(sight.sees(lexical_statistics)).scalar_subquery()
    idf = func.ln(1 + (func.greatest(total - lexicon.c.chunks, 0) + 0.5) / (lexicon.c.chunks + 0.5))
    element = func.concat(asked.c.term, ":", asked.c.count * idf)
    elements = func.coalesce(func.string_agg(element, aggregate_order_by(literal_column("','"), asked.c.term)), "")
    return (
        select(func.concat("{", elements, "}/", TERM_SPACE).cast(SPARSEVEC(TERM_SPACE)))
        .select_from(asked.join(lexicon, lexicon.c.term == asked.c.term))
        .where(sight.sees(lexicon))
        .scalar_subquery()
    )


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A passage with its place in the order of its document's chunks, and the text between it and the next one."""

    passage: Passage
    ordinal: int
    gap: str


async def fetch(session: AsyncConnection, scope: Scope, hits: Sequence[Fused]) -> list[Found]:
    """What is behind `hits`, in their order. Cost: one round trip."""
    rows = await _PASSAGES.run(session, scope, {"chunk_ids": [hit.id for hit in hits]})
    by_id = {row.id: row for row in rows}
    return [
        Found(passage=_passage(row, hit), ordinal=row.ordinal, gap=row.gap)
        for hit in hits
        if (row := by_id.get(hit.id)) is not None
    ]


def _passages(sight: Sight) -> Select[tuple[object, ...]]:
    return (
        select(
            chunks.c.id,
            chunks.c.document_id,
            chunks.c.ref_doc_id,
            chunks.c.version,
            chunks.c.ordinal,
            chunks.c.page,
            chunks.c.start_offset,
            chunks.c.end_offset,
            chunks.c.heading,
            chunks.c.text,
            chunks.c.gap,
            func.coalesce(documents.c.filename, chunks.c.ref_doc_id, chunks.c.id).label("filename"),
        )
        .outerjoin(documents, and_(documents.c.tenant_id == chunks.c.tenant_id, documents.c.id == chunks.c.document_id))
        .where(sight.sees(chunks), chunks.c.id == func.any(bindparam("chunk_ids", type_=ARRAY(Text))))
    )


_PASSAGES: Final = ScopedStatement(_passages)


def _passage(row: Row[tuple[object, ...]], hit: Fused) -> Passage:
    return Passage(
        chunk_id=row.id,
        document_id=row.document_id or foreign_document(row.ref_doc_id or row.id),
        version=row.version,
        filename=row.filename,
        page=row.page,
        start=row.start_offset,
        end=row.end_offset,
        heading=tuple(row.heading),
        text=row.text,
        score=hit.score,
        dense_score=hit.dense,
        bm25_score=hit.lexical,
    )


@lru_cache(maxsize=4096)
def foreign_document(reference: str) -> DocumentId:
    """The id of a document that came in as LlamaIndex nodes and is not in the catalogue: the same for the same reference."""
    return DocumentId(uuid5(NAMESPACE_URL, reference))
