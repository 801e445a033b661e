"""The two legs of retrieval in one statement, and the passages behind their hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
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
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import NamedFromClause

from aura.database.scopes import Sight, scope_values
from aura.database.statements import ScopedStatement
from aura.database.tables import TERM_SPACE, chunks, documents, index_table, lexical_statistics, lexicon
from aura.identity import CollectionId, DocumentId, Scope
from aura.index.fusion import Fused, Hit
from aura.index.generations import Generation
from aura.index.passage import Passage

_MOST: Final = bindparam("most", type_=Integer)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What the legs are asked. A leg without input (no vector, no terms) is not run.

    `vector` is `(dimension,) float32`; `terms` are hashed term ids with their counts in the query; `limit` is per leg;
    `condition` is on the columns of `chunks`.
    """

    vector: NDArray[np.float32] | None = None
    terms: Mapping[int, int] = {}
    limit: int = 100
    collection_id: CollectionId | None = None
    condition: ColumnElement[bool] | None = None


class Legs(msgspec.Struct, frozen=True, kw_only=True):
    """The best hits of each leg, best first: cosines (−1 … 1), and BM25 scores (above 0)."""

    dense: tuple[Hit, ...] = ()
    lexical: tuple[Hit, ...] = ()


async def search_legs(session: AsyncConnection, scope: Scope, generation: Generation, query: Query) -> Legs:
    """Both legs. Cost: one round trip; three where a dedicated index's graph came back short and is scanned instead."""
    found = await _run(session, scope, generation, query)
    if generation.dedicated and query.vector is not None and len(found.dense) < query.limit:
        await session.execute(text("SET LOCAL enable_indexscan = off"))
        found = await _run(session, scope, generation, query)
        await session.execute(text("SET LOCAL enable_indexscan = on"))
    return found


async def _run(session: AsyncConnection, scope: Scope, generation: Generation, query: Query) -> Legs:
    shape = _Shape(
        table_name=generation.table_name,
        dimension=generation.dimension,
        in_collection=query.collection_id is not None,
        dense=query.vector is not None,
        lexical=bool(query.terms),
    )
    if not (shape.dense or shape.lexical):
        return Legs()
    values = {
        "generation": generation.id,
        "collection": query.collection_id,
        "vector": None if query.vector is None else str(query.vector.tolist()),
        "term_ids": list(query.terms),
        "term_counts": list(query.terms.values()),
        "most": query.limit,
    }
    if query.condition is None:
        rows = await _plain(shape).run(session, scope, values)
    else:
        special = _union(shape, query.condition, Sight.of(scope))
        rows = await session.execute(special, {**scope_values(scope), **values})
    hits: dict[str, list[Hit]] = {"dense": [], "lexical": []}
    for leg, chunk_id, score in rows:
        hits[leg].append(Hit(id=chunk_id, score=score))
    return Legs(dense=_ordered(hits["dense"]), lexical=_ordered(hits["lexical"]))


def _ordered(hits: list[Hit]) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.id)))


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """All by which one search's statement differs from another's, when nothing but its values does."""

    table_name: str
    dimension: int
    in_collection: bool
    dense: bool
    lexical: bool


@lru_cache(maxsize=256)
def _plain(shape: _Shape) -> ScopedStatement:
    return ScopedStatement(partial(_union, shape, None))


def _union(
    shape: _Shape, condition: ColumnElement[bool] | None, sight: Sight
) -> CompoundSelect[tuple[str, str, float]]:
    index = index_table(shape.table_name)
    rows = and_(sight.sees(index), index.c.generation_id == bindparam("generation", type_=Uuid))
    if shape.in_collection:
        rows = and_(rows, index.c.collection_id == bindparam("collection", type_=Uuid))
    if condition is not None:
        rows = and_(rows, index.c.chunk_id.in_(select(chunks.c.id).where(sight.sees(chunks), condition)))
    legs: list[Select[tuple[str, str, float]]] = []
    if shape.dense:
        legs.append(_dense(index, rows, shape.dimension))
    if shape.lexical:
        legs.append(_lexical(index, rows, sight))
    return union_all(*legs)


def _dense(index: NamedFromClause, rows: ColumnElement[bool], dimension: int) -> Select[tuple[str, str, float]]:
    distance = index.c.embedding.cosine_distance(bindparam("vector", type_=Text).cast(HALFVEC(dimension)))
    best = select(index.c.chunk_id, distance.label("distance")).where(rows).order_by("distance").limit(_MOST).subquery()
    return select(literal_column("'dense'"), best.c.chunk_id, 1 - best.c.distance)


def _lexical(index: NamedFromClause, rows: ColumnElement[bool], sight: Sight) -> Select[tuple[str, str, float]]:
    product = index.c.terms.max_inner_product(_asked_terms(sight))  # pgvector's sign: the negative product
    best = select(index.c.chunk_id, product.label("product")).where(rows).order_by("product").limit(_MOST).subquery()
    return select(literal_column("'lexical'"), best.c.chunk_id, -best.c.product).where(best.c.product < 0)


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


def foreign_document(reference: str) -> DocumentId:
    """The id of a document that came in as LlamaIndex nodes and is not in the catalogue: the same for the same reference."""
    return DocumentId(uuid5(NAMESPACE_URL, reference))
