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
from sqlalchemy.sql.selectable import LateralFromClause, NamedFromClause

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
    """The tables in which tenants' passages were found last, so that a search need not ask for them first. A hint alone."""

    def __init__(self) -> None:
        self._tables: dict[TenantId, str] = {}

    def note(self, tenant_id: TenantId, generation: Generation | None) -> None:
        """Remember where the tenant's passages are, if that is a table of many: one of its own may be gone by then."""
        if generation is None or generation.dedicated:
            self._tables.pop(tenant_id, None)
            return
        if len(self._tables) >= _MOST_PLACES:
            self._tables.clear()
        self._tables[tenant_id] = generation.table_name

    def of(self, tenant_id: TenantId) -> str | None:
        """Where they were last."""
        return self._tables.get(tenant_id)


async def search_serving(session: AsyncConnection, scope: Scope, query: Query, places: Places) -> Served | None:
    """Both legs in the generation that answers; None before the first chunk.

    Cost: one round trip where `places` still knows the table, else a second one, and as `search_legs`.
    """
    known = places.of(scope.tenant_id)
    if known is not None and query.condition is None and _runs(query):
        row = (await _plain(_shape(query, known, serving=True)).run(session, scope, _values(None, query))).first()
        if row is not None and row.table_name == known:
            generation = Generation.of(row)
            return Served(generation=generation, legs=_legs(row, query.for_index(generation)))
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
    shape, values = _shape(query, generation.table_name), _values(generation, query)
    if query.condition is None:
        rows = await _plain(shape).run(session, scope, values)
    else:
        special = _both(shape, query.condition, Sight.of(scope))
        rows = await session.execute(special, {**scope_values(scope), **values})
    return _legs(rows.one(), query)


def _runs(query: Query) -> bool:
    """Whether a leg has anything to go by."""
    return query.vector is not None or bool(query.terms)


def _values(generation: Generation | None, query: Query) -> dict[str, object]:
    return {
        "generation": None if generation is None else generation.id,
        "collection": query.collection_id,
        "vector": None if query.vector is None else as_text(query.vector),
        "term_ids": list(query.terms),
        "term_counts": list(query.terms.values()),
        "most": query.limit,
    }


def as_text(vector: NDArray[np.float32]) -> str:
    """A vector as pgvector reads it."""
    return msgspec.json.encode(vector.tolist()).decode()


def _legs(row: Row[tuple[object, ...]], query: Query) -> Legs:
    dense = _ordered(row.dense_ids, row.dense_scores) if query.vector is not None else ()
    return Legs(dense=dense, lexical=_ordered(row.lexical_ids, row.lexical_scores) if query.terms else ())


def _ordered(ids: Sequence[str] | None, scores: Sequence[float] | None) -> tuple[Hit, ...]:
    """None is what PostgreSQL has for an array of no rows."""
    best = sorted(zip((-score for score in scores or ()), ids or (), strict=True))
    return tuple(Hit(id=id, score=-score) for score, id in best)


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """All by which one search's statement differs from another's, when nothing but its values does.

    `serving`: it also looks up which generation answers, and searches in that one.
    """

    table_name: str
    dimension: int
    in_collection: bool
    dense: bool
    lexical: bool
    serving: bool


def _shape(query: Query, table_name: str, *, serving: bool = False) -> _Shape:
    return _Shape(
        table_name=table_name,
        dimension=0 if query.vector is None else len(query.vector),
        in_collection=query.collection_id is not None,
        dense=query.vector is not None,
        lexical=bool(query.terms),
        serving=serving,
    )


@lru_cache(maxsize=256)
def _plain(shape: _Shape) -> ScopedStatement:
    return ScopedStatement(partial(_both, shape, None))


def _both(shape: _Shape, condition: ColumnElement[bool] | None, sight: Sight) -> Select[tuple[object, ...]]:
    """One row: each leg's ids and scores as two arrays, behind the generation that answers if that is asked for."""
    index = index_table(shape.table_name)
    answering = generations.answering(bindparam("scope_tenant", type_=Uuid)).subquery("answering")
    generation_id = answering.c.id if shape.serving else bindparam("generation", type_=Uuid)
    rows = and_(sight.sees(index), index.c.generation_id == generation_id)
    if shape.in_collection:
        rows = and_(rows, index.c.collection_id == bindparam("collection", type_=Uuid))
    if condition is not None:
        rows = and_(rows, index.c.chunk_id.in_(select(chunks.c.id).where(sight.sees(chunks), condition)))
    legs: list[LateralFromClause] = []
    if shape.dense:
        legs.append(_leg("dense", _dense(index, rows, shape.dimension)))
    if shape.lexical:
        legs.append(_leg("lexical", _lexical(index, rows, sight)))
    columns = [*(answering.c if shape.serving else ()), *(column for leg in legs for column in leg.c)]
    first, *others = (*((answering,) if shape.serving else ()), *legs)
    joined: FromClause = first
    for other in others:
        joined = joined.join(other, true())
    return select(*columns).select_from(joined)


def _leg(name: str, best: Select[tuple[str, float]]) -> LateralFromClause:
    hits = best.subquery()
    ids, scores = (func.array_agg(column).label(f"{name}_{column.key}s") for column in hits.c)
    return select(ids, scores).select_from(hits).lateral(name)


def _dense(index: NamedFromClause, rows: ColumnElement[bool], dimension: int) -> Select[tuple[str, float]]:
    distance = index.c.embedding.cosine_distance(bindparam("vector", type_=Text).cast(HALFVEC(dimension)))
    best = select(index.c.chunk_id, distance.label("distance")).where(rows).order_by("distance").limit(_MOST).subquery()
    return select(best.c.chunk_id.label("id"), (1 - best.c.distance).label("score"))


def _lexical(index: NamedFromClause, rows: ColumnElement[bool], sight: Sight) -> Select[tuple[str, float]]:
    product = index.c.terms.max_inner_product(_asked_terms(sight))  # pgvector's sign: the negative product
    best = select(index.c.chunk_id, product.label("product")).where(rows).order_by("product").limit(_MOST).subquery()
    return select(best.c.chunk_id.label("id"), (-best.c.product).label("score")).where(best.c.product < 0)


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
