"""The SQL of a hybrid search as one would send it by hand: psycopg 3, the role `aura_app`, the scope set, nothing else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from numpy.typing import NDArray

from aura.database.security import APP
from aura.index.lexical import query_counts
from aura_evals.bench.loading import EmbeddedServer, Place

_DENSE = """
    SELECT chunk_id, 1 - distance FROM (
      SELECT chunk_id, embedding <=> %(vector)s::halfvec(384) AS distance FROM {table}
      WHERE tenant_id = %(tenant)s AND (private_to IS NULL OR private_to = NULL) AND generation_id = %(generation)s
      ORDER BY distance LIMIT 100) best
"""
_BM25 = """
    SELECT chunk_id, -product FROM (
      SELECT chunk_id, terms <#> (
        SELECT concat('{{', coalesce(string_agg(concat(asked.term, ':', asked.count *
            ln(1 + (greatest(total.chunks - lexicon.chunks, 0) + 0.5) / (lexicon.chunks + 0.5))), ','
            ORDER BY asked.term), ''), '}}/1000000000')::sparsevec(1000000000)
        FROM unnest(%(terms)s::int[], %(counts)s::int[]) AS asked(term, count)
        JOIN lexicon ON lexicon.term = asked.term AND lexicon.tenant_id = %(tenant)s
        CROSS JOIN (SELECT chunks FROM lexical_statistics WHERE tenant_id = %(tenant)s) total) AS product
      FROM {table}
      WHERE tenant_id = %(tenant)s AND (private_to IS NULL OR private_to = NULL) AND generation_id = %(generation)s
      ORDER BY product LIMIT 100) best WHERE product < 0
"""
_PASSAGES = """
    SELECT chunks.id, document_id, ref_doc_id, chunks.version, ordinal, chunks.page, start_offset, end_offset, heading,
      chunks.text, gap, coalesce(documents.filename, ref_doc_id, chunks.id)
    FROM chunks LEFT JOIN documents ON documents.tenant_id = chunks.tenant_id AND documents.id = chunks.document_id
    WHERE chunks.tenant_id = %(tenant)s AND chunks.id = ANY(%(ids)s)
"""
_OPTIONS = "-c jit=off"  # as AURA has it: the ratio is to tell of AURA, not of settings


class HandSearch:
    """One connection, and the statements of one tenant."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], place: Place) -> None:
        self._connection = connection
        self._place = place
        self._dense, self._bm25 = (sql.format(table=place.table).encode() for sql in (_DENSE, _BM25))

    async def legs(self, text: str, vector: NDArray[Any]) -> list[str]:
        """The two statements in a transaction that carries the scope; the ids that both legs found."""
        return [*await self._legs(text, vector)]

    async def legs_and_passages(self, text: str, vector: NDArray[Any], ids: Sequence[str]) -> list[str]:
        """The same, and the passages of `ids`."""
        return await self._legs(text, vector, ids)

    async def _legs(self, text: str, vector: NDArray[Any], ids: Sequence[str] = ()) -> list[str]:
        terms = query_counts(text)
        values = {
            "tenant": self._place.tenant_id,
            "generation": self._place.generation_id,
            "vector": "[" + ",".join(map(str, vector.tolist())) + "]",
            "terms": list(terms),
            "counts": list(terms.values()),
            "ids": list(ids),
        }
        async with self._connection.transaction():
            await self._connection.execute(f"SET LOCAL aura.tenant_id = '{self._place.tenant_id}'".encode())
            dense = await (await self._connection.execute(self._dense, values)).fetchall()
            bm25 = await (await self._connection.execute(self._bm25, values)).fetchall()
            if ids:
                await (await self._connection.execute(_PASSAGES.encode(), values)).fetchall()
        return [row[0] for row in (*dense, *bm25)]


@asynccontextmanager
async def open_hand_search(server: EmbeddedServer, place: Place) -> AsyncGenerator[HandSearch]:
    """A connection of its own as `aura_app`."""
    async with await psycopg.AsyncConnection.connect(server.url(APP), options=_OPTIONS) as connection:
        yield HandSearch(connection, place)
