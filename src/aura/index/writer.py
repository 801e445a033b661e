"""What changes a tenant's index: publishing chunks to search and withdrawing them, with the BM25 statistics kept exact.

All of it is SQL over rows that are there already, under the tenant's index lock and inside the caller's transaction: chunks
become searchable as a whole or not at all. Call it in a `SERVICE` scope, which sees every member's chunks.
"""

from __future__ import annotations

import msgspec
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import ColumnElement, Float, and_, case, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.tables import TERM_SPACE, chunks, index_table, lexical_statistics, lexicon, vector_cache
from aura.identity import TenantId
from aura.index.generations import Generation

K1, B = 1.2, 0.75
"""BM25's usual constants: term saturation and length normalisation, as `lexical.weights` has them."""

DRIFT = 0.05
"""How far the average chunk length may move before every term weight is computed anew: scores move by less until then."""


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """What a withdrawal removed."""

    chunks: int
    vectors: int
    cache_entries: int


async def publish(
    session: AsyncConnection, tenant_id: TenantId, generation: Generation, which: ColumnElement[bool]
) -> int:
    """Make the chunks of `which` searchable; their vectors must be in the cache. How many chunks that were."""
    mine = and_(chunks.c.tenant_id == tenant_id, which)
    await _count(session, tenant_id, mine, sign=1)
    average = await _average(session, tenant_id, generation)
    index = index_table(generation.table_name)
    rows = (
        select(
            chunks.c.tenant_id,
            literal(generation.id),
            chunks.c.id,
            chunks.c.document_id,
            chunks.c.collection_id,
            chunks.c.private_to,
            vector_cache.c.embedding.cast(HALFVEC(generation.dimension)),
            _weights(average),
        )
        .join(
            vector_cache,
            and_(
                vector_cache.c.tenant_id == chunks.c.tenant_id,
                vector_cache.c.model_sha256 == generation.model_sha256,
                vector_cache.c.text_sha256 == chunks.c.text_sha256,
            ),
        )
        .where(mine)
    )
    adding = insert(index).from_select([column.name for column in index.c], rows)
    done = await session.execute(adding.execution_options(preserve_rowcount=True))
    return done.rowcount


async def withdraw(
    session: AsyncConnection, tenant_id: TenantId, generation: Generation | None, which: ColumnElement[bool]
) -> Withdrawn:
    """Remove the chunks of `which` for good: their text, vectors, statistics and cached vectors."""
    mine = and_(chunks.c.tenant_id == tenant_id, which)
    ids = select(chunks.c.id).where(mine)
    vectors = 0
    if generation is not None:
        index = index_table(generation.table_name)
        searchable = select(index.c.chunk_id).where(
            index.c.tenant_id == tenant_id, index.c.generation_id == generation.id
        )
        await _count(session, tenant_id, and_(mine, chunks.c.id.in_(searchable)), sign=-1)
        gone = await session.execute(delete(index).where(index.c.tenant_id == tenant_id, index.c.chunk_id.in_(ids)))
        vectors = gone.rowcount
    other = chunks.alias("other")
    used = select(1).where(
        other.c.tenant_id == tenant_id,
        other.c.text_sha256 == vector_cache.c.text_sha256,
        other.c.id.not_in(ids.correlate(None)),
    )
    hashes = select(chunks.c.text_sha256).where(mine)
    entries = await session.execute(
        delete(vector_cache).where(
            vector_cache.c.tenant_id == tenant_id, vector_cache.c.text_sha256.in_(hashes), ~used.exists()
        )
    )
    removed = await session.execute(delete(chunks).where(mine))
    if generation is not None:
        await _average(session, tenant_id, generation)
    return Withdrawn(chunks=removed.rowcount, vectors=vectors, cache_entries=entries.rowcount)


async def _count(session: AsyncConnection, tenant_id: TenantId, mine: ColumnElement[bool], *, sign: int) -> None:
    """Add the chunks to the tenant's statistics, or take them out (`sign` −1). One row a term, in term order."""
    terms = select(func.unnest(chunks.c.term_ids).label("term")).where(mine).subquery()
    per_term = (
        select(literal(tenant_id), terms.c.term, sign * func.count()).group_by(terms.c.term).order_by(terms.c.term)
    )
    adding = upsert(lexicon).from_select(["tenant_id", "term", "chunks"], per_term)
    await session.execute(
        adding.on_conflict_do_update(
            index_elements=["tenant_id", "term"], set_={"chunks": lexicon.c.chunks + adding.excluded.chunks}
        )
    )
    if sign < 0:
        await session.execute(delete(lexicon).where(lexicon.c.tenant_id == tenant_id, lexicon.c.chunks <= 0))
    totals = select(literal(tenant_id), sign * func.count(), sign * func.coalesce(func.sum(chunks.c.length), 0)).where(
        mine
    )
    summing = upsert(lexical_statistics).from_select(["tenant_id", "chunks", "total_length"], totals)
    await session.execute(
        summing.on_conflict_do_update(
            index_elements=["tenant_id"],
            set_={
                "chunks": lexical_statistics.c.chunks + summing.excluded.chunks,
                "total_length": lexical_statistics.c.total_length + summing.excluded.total_length,
            },
        )
    )


async def _average(session: AsyncConnection, tenant_id: TenantId, generation: Generation) -> float:
    """The average length that weights are computed with. When it has drifted, every weight is computed anew first."""
    statistics = lexical_statistics.c
    average = case((statistics.chunks > 0, statistics.total_length / statistics.chunks.cast(Float)), else_=0.0)
    row = (
        await session.execute(
            # Rounded as it is stored: a weight depends on the text and the stored average alone, so an archive restores it.
            select(statistics.weighted_average, average.cast(REAL).label("average")).where(
                statistics.tenant_id == tenant_id
            )
        )
    ).one()
    if abs(row.average - row.weighted_average) <= DRIFT * row.weighted_average:
        return float(row.weighted_average)
    await session.execute(
        update(lexical_statistics).where(statistics.tenant_id == tenant_id).values(weighted_average=row.average)
    )
    index = index_table(generation.table_name)
    await session.execute(
        update(index)
        .where(index.c.tenant_id == tenant_id, index.c.generation_id == generation.id)
        .where(chunks.c.tenant_id == tenant_id, chunks.c.id == index.c.chunk_id)
        .values(terms=_weights(row.average))
    )
    return float(row.average)


def _weights(average: float) -> ColumnElement[object]:
    return func.aura_bm25_weights(
        chunks.c.term_ids, chunks.c.term_counts, chunks.c.length, average, K1, B, type_=SPARSEVEC(TERM_SPACE)
    )
