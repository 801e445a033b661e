"""What the tests of the index share: organisations without users, and short ways in and out of an index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from sqlalchemy import insert, text

from aura.database.engine import Database
from aura.database.tables import organisations
from aura.identity import Role, Scope, TenantId, UserId
from aura.index import lexical
from aura.index.generations import serving
from aura.index.search import Query, search_legs
from aura.index.tenant_index import Mode, NodeRow, Search, TenantIndex
from aura.testing.embeddings import HashEmbedding
from sent_statements import statements_sent

NewTenant = Callable[[], Awaitable[TenantIndex]]


async def new_organisation(database: Database, tenant_id: TenantId | None = None) -> TenantId:
    tenant_id = tenant_id or TenantId(uuid4())
    async with database.system() as session:
        await session.execute(
            insert(organisations).values(
                id=tenant_id,
                organization_name="Acme",
                subdomain=f"t{tenant_id.hex}",
                admin_email="ada@acme.test",
                subscription_tier="standard",
                max_users=10,
                max_storage_gb=10,
                max_api_calls_monthly=10_000,
            )
        )
    return tenant_id


async def fill(
    index: TenantIndex, embedding: HashEmbedding, texts: Sequence[str], *, prefix: str = "n", **metadata: object
) -> None:
    rows = [
        NodeRow(id=f"{prefix}{i}", ref_doc_id=f"{prefix}-doc", text=text, metadata=dict(metadata), node={})
        for i, text in enumerate(texts)
    ]
    await index.add(rows, await embedding.embed(list(texts)))


async def hits(
    index: TenantIndex, text: str, *, limit: int = 10, mode: Mode = "hybrid"
) -> list[tuple[str, float, float | None, float | None]]:
    results = await index.search(Search(text=text, limit=limit, mode=mode))
    return [(p.chunk_id, p.score, p.dense_score, p.bm25_score) for p in (found.passage for found in results.found)]


async def plan(database: Database, embedding: HashEmbedding, index: TenantIndex, question: str) -> str:
    """How PostgreSQL runs the very statement that a search sends for both legs."""
    vector = await embedding.embed_query(question)
    async with database.tenant(index.scope) as session:
        generation = await serving(session, index.scope.tenant_id)
        assert generation is not None
        query = Query(vector=vector, terms=lexical.query_counts(question), limit=100)
        with statements_sent() as sent:
            await search_legs(session, index.scope, generation, query)
        [(statement, values), *_] = sent
        explained = await session.exec_driver_sql(f"EXPLAIN {statement}", values)
        return "\n".join(explained.scalars())


def member(index: TenantIndex, database: Database, embedding: HashEmbedding, user: UserId) -> TenantIndex:
    return TenantIndex(database, Scope(tenant_id=index.scope.tenant_id, user_id=user, role=Role.USER), embedding)


async def bulk(
    database: Database, embedding: HashEmbedding, index: TenantIndex, count: int, *, topics: int = 300
) -> None:
    """Give a tenant `count` passages with vectors around `topics` topics, past the pipeline: SQL makes them in place."""
    await fill(index, embedding, ["The first passage of many"], prefix="first")
    tenant_id = index.scope.tenant_id
    async with database.tenant(index.scope.as_service()) as session:
        generation = await serving(session, tenant_id)
        assert generation is not None
        names = {"tenant": tenant_id, "generation": generation.id, "count": count - 1}
        await session.execute(
            text(
                "INSERT INTO chunks (tenant_id, id, text, text_sha256, term_ids, term_counts, length)"
                " SELECT CAST(:tenant AS uuid), 'bulk' || i, 'Bulk passage ' || i, sha256(i::text::bytea), '{1}', '{1}', 1"
                " FROM generate_series(1, CAST(:count AS integer)) AS i"
            ),
            {"tenant": tenant_id, "count": count - 1},
        )
        await session.execute(
            text(
                "WITH centre AS MATERIALIZED (SELECT c, (SELECT array_agg(random() - 0.5)"
                " FROM generate_series(1, :dimension) WHERE c >= 0)::vector AS v FROM"
                " generate_series(1, CAST(:topics AS integer)) AS c)"
                f" INSERT INTO {generation.table_name} (tenant_id, generation_id, chunk_id, embedding, terms)"
                " SELECT CAST(:tenant AS uuid), CAST(:generation AS uuid), 'bulk' || i, l2_normalize((v + (SELECT"
                " array_agg((random() - 0.5) * 0.7) FROM generate_series(1, :dimension) WHERE i > 0)::vector)::halfvec),"
                " '{1:1}/1000000000' FROM generate_series(1, CAST(:count AS integer)) AS i"
                " JOIN centre ON c = 1 + i % CAST(:topics AS integer)"
            ),
            {**names, "dimension": embedding.dimension, "topics": topics},
        )
