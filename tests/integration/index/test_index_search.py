"""Both legs, their fusion, and what a tenant gets from them."""

from __future__ import annotations

import asyncio
import json
import re
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from index_support import NewTenant, bulk, fill, hits, new_organisation, plan
from sqlalchemy import text

from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.tables import chunks
from aura.errors import InvalidRequest
from aura.identity import Scope, TenantId
from aura.index import lexical, writer
from aura.index.generations import Rebuild
from aura.index.search import Places
from aura.index.tenant_index import Search, TenantIndex
from aura.testing.embeddings import HashEmbedding

HANDBOOK = (
    "Customers may return any unopened product within 47 days of delivery.",
    "Opened products can be returned within 12 days.",
    "Standard shipping takes three working days.",
    "Express shipping costs 19 euros and arrives the next morning.",
    "The returns desk is led by Marguerite Oyelaran at extension 5521.",
    "Error E-4711 means that version v1.2.3 of foo_bar is too old.",
    "Die Rückgabefrist beträgt vierzehn Tage nach der Lieferung.",
    "返品は配達後47日以内に可能です。",
)


async def test_the_better_leg_can_win_and_both_scores_are_there(
    new_tenant: NewTenant, embedding: HashEmbedding
) -> None:
    acme = await new_tenant()
    await fill(acme, embedding, HANDBOOK)

    best, *_ = await hits(acme, "Who leads the returns desk?")

    assert best[0] == "n4"
    assert best[2] is not None
    assert best[3] is not None


async def test_bm25_in_the_database_is_bm25_in_python(new_tenant: NewTenant, embedding: HashEmbedding) -> None:
    acme, query = await new_tenant(), "how many days to return an opened product"
    await fill(acme, embedding, HANDBOOK)

    counts = [lexical.term_counts(passage) for passage in HANDBOOK]
    lengths = [sum(bag.values()) for bag in counts]
    asked = lexical.query_counts(query)
    found = {term: sum(term in bag for bag in counts) for term in asked}
    weights = lexical.query_weights(asked, found, len(HANDBOOK))
    average = sum(lengths) / len(lengths)
    expected = {
        f"n{i}": sum(weights.get(term, 0.0) * weight for term, weight in lexical.weights(bag, length, average).items())
        for i, (bag, length) in enumerate(zip(counts, lengths, strict=True))
    }

    scores = {chunk_id: bm25 for chunk_id, _, _, bm25 in await hits(acme, query, mode="bm25") if bm25}

    assert scores == pytest.approx({k: v for k, v in expected.items() if v > 0}, rel=1e-5)
    assert list(scores) == sorted(scores, key=lambda k: -expected[k])


async def test_dense_scores_are_cosines(new_tenant: NewTenant, embedding: HashEmbedding) -> None:
    acme = await new_tenant()
    await fill(acme, embedding, HANDBOOK)
    query = await embedding.embed_query("shipping costs")
    passages = await embedding.embed(list(HANDBOOK))

    scores = {chunk_id: dense for chunk_id, _, dense, _ in await hits(acme, "shipping costs", mode="dense")}

    assert scores == pytest.approx({f"n{i}": float(v @ query) for i, v in enumerate(passages)}, abs=2e-3)


@pytest.mark.parametrize("count", [1, 9, 10, 11, 1_000])
async def test_a_tenant_with_k_passages_gets_k(new_tenant: NewTenant, embedding: HashEmbedding, count: int) -> None:
    acme = await new_tenant()
    await fill(acme, embedding, [f"Fire drill number {i} of the river office" for i in range(count)])

    for mode in ("hybrid", "dense"):
        assert len(await hits(acme, "What is the wifi password in Lisbon?", mode=mode)) == min(count, 10)


async def test_a_large_tenant_gets_k_from_the_shared_table_and_from_its_own(
    database: Database, embedding: HashEmbedding, new_tenant: NewTenant
) -> None:
    acme = await new_tenant()
    await bulk(database, embedding, acme, 50_000)
    async with database.tenant(acme.scope) as session:
        stored = await session.scalar(
            text(f"SELECT embedding::text FROM index_{embedding.dimension} WHERE chunk_id = 'bulk77'")
        )
    asked = Search(text="", mode="dense", vector=json.loads(stored or ""))
    exact = [found.passage for found in (await acme.search(asked)).found]

    generation = await Rebuild(database, embedding).run(acme.scope, dedicated=True)
    graph = {found.passage.chunk_id for found in (await acme.search(asked)).found}

    assert generation is not None
    assert generation.dedicated
    assert len(exact) == len(graph) == 10
    assert exact[0].chunk_id == "bulk77"
    lines = await plan(database, embedding, acme, "a passage of many")
    assert f"{generation.table_name}_hnsw" in lines
    assert f"index_{embedding.dimension}_p" not in lines
    assert len(graph & {passage.chunk_id for passage in exact}) >= 9


async def test_a_tenant_of_one_topic_that_is_asked_off_topic_gets_k_from_its_own_table(
    database: Database, embedding: HashEmbedding, new_tenant: NewTenant
) -> None:
    acme = await new_tenant()
    await bulk(database, embedding, acme, 5_000, topics=1)
    away = np.random.default_rng(7).standard_normal(embedding.dimension)
    asked = [Search(text="", mode="dense", limit=k, vector=[*away / np.linalg.norm(away)]) for k in (10, 100)]
    exact = [[each.passage.chunk_id for each in (await acme.search(one)).found] for one in asked]

    generation = await Rebuild(database, embedding).run(acme.scope, dedicated=True)
    graph = [[each.passage.chunk_id for each in (await acme.search(one)).found] for one in asked]

    assert generation is not None
    assert generation.dedicated
    assert [len(found) for found in graph] == [len(found) for found in exact] == [10, 100]
    assert len(set(graph[0]) & set(exact[0])) >= 9


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("E-4711", "n5"),
        ("v1.2.3", "n5"),
        ("foo_bar", "n5"),
        ("rückgabefrist", "n6"),
        ("返品", "n7"),
        ("Oyelaran?!", "n4"),
        ("oyelaran's", "n4"),
    ],
)
async def test_exact_words_of_any_script_are_found(
    new_tenant: NewTenant, embedding: HashEmbedding, query: str, expected: str
) -> None:
    acme = await new_tenant()
    await fill(acme, embedding, HANDBOOK)

    assert (await hits(acme, query, mode="bm25"))[0][0] == expected


async def test_queries_of_stop_words_and_of_ten_thousand_words_are_answered(
    new_tenant: NewTenant, embedding: HashEmbedding
) -> None:
    acme = await new_tenant()
    await fill(acme, embedding, HANDBOOK)

    assert await hits(acme, "is it of the or and")
    assert (await hits(acme, "shipping " + "word " * 10_000 + " express"))[0][0] in {"n2", "n3"}
    assert len(await hits(acme, "🦊 ** ?!")) == len(HANDBOOK)


@pytest.mark.parametrize("query", ["", "   ", "\n\t"])
async def test_an_empty_query_is_refused_with_what_to_do(new_tenant: NewTenant, query: str) -> None:
    acme = await new_tenant()

    with pytest.raises(InvalidRequest, match="ask for something"):
        await acme.search(Search(text=query))


async def test_a_tenant_without_documents_finds_nothing(new_tenant: NewTenant) -> None:
    assert await hits(await new_tenant(), "anything") == []


async def test_a_tenants_ids_and_scores_do_not_move_with_anothers_writes(
    new_tenant: NewTenant, embedding: HashEmbedding
) -> None:
    acme, other = await new_tenant(), await new_tenant()
    await fill(acme, embedding, HANDBOOK)
    before = [await hits(acme, passage) for passage in HANDBOOK]

    await fill(other, embedding, [f"{passage} {i}" for i in range(60) for passage in HANDBOOK])
    during = [await hits(acme, passage) for passage in HANDBOOK]
    await other.remove(chunks.c.ref_doc_id == "n-doc")
    after = [await hits(acme, passage) for passage in HANDBOOK]

    assert before == during == after


async def test_statistics_are_exact_after_adding_replacing_and_removing(
    new_tenant: NewTenant, database: Database, embedding: HashEmbedding
) -> None:
    worked, fresh = await new_tenant(), await new_tenant()
    await fill(worked, embedding, [f"{passage} extra" for passage in HANDBOOK])
    await fill(worked, embedding, HANDBOOK)
    await fill(worked, embedding, HANDBOOK, prefix="gone")
    await worked.remove(chunks.c.ref_doc_id == "gone-doc")
    await fill(fresh, embedding, HANDBOOK)

    async def statistics(index: TenantIndex) -> tuple[object, ...]:
        async with database.tenant(index.scope) as session:
            terms = await session.execute(text("SELECT term, chunks FROM lexicon ORDER BY term"))
            totals = await session.execute(text("SELECT chunks, total_length FROM lexical_statistics"))
            return tuple(terms.all()), tuple(totals.all())

    assert await statistics(worked) == await statistics(fresh)
    for (_, _, _, one), (_, _, _, other) in zip(
        await hits(worked, "return days", mode="bm25"), await hits(fresh, "return days", mode="bm25"), strict=True
    ):
        assert one is not None
        assert one == pytest.approx(other, rel=writer.DRIFT)


async def test_weights_follow_the_average_length(new_tenant: NewTenant, embedding: HashEmbedding) -> None:
    grown, fresh = await new_tenant(), await new_tenant()
    long = [" ".join(HANDBOOK) + f" number {i}" for i in range(20)]
    await fill(grown, embedding, HANDBOOK)
    await fill(grown, embedding, long, prefix="long")
    await fill(fresh, embedding, [*HANDBOOK], prefix="n")
    await fill(fresh, embedding, long, prefix="long")

    assert await hits(grown, "express shipping", mode="bm25") == await hits(fresh, "express shipping", mode="bm25")


async def test_a_search_reads_one_partition_by_its_tenants_index_however_large_the_neighbours_are(
    new_tenant: NewTenant, server: EmbeddedServer, database: Database, embedding: HashEmbedding
) -> None:
    acme, table = await new_tenant(), f"index_{embedding.dimension}"
    await fill(acme, embedding, HANDBOOK)
    with psycopg.connect(server.url("aura_owner"), autocommit=True) as owner:
        mine = _partition(owner, table, acme.scope.tenant_id)
        neighbour = next(id for id in iter(uuid4, None) if _partition(owner, table, id) == mine)
        large = Scope(tenant_id=await new_organisation(database, TenantId(neighbour)))
        await bulk(database, embedding, TenantIndex(database, large, embedding), 3_000)
        owner.execute(f"ANALYZE {table}_p{mine}")

    lines = await plan(database, embedding, acme, "express shipping")

    read = re.findall(rf"(\S+ Scan|Scan using \S+|Scan on \S+).* on ({table}\S*)", lines)
    assert {partition for _, partition in read} == {f"{table}_p{mine}"}, lines
    assert len(read) == 1, lines
    assert "Seq Scan on index" not in lines
    assert len(re.findall(rf"{table}_p{mine}_(?:pkey|tenant_id_document_id_idx)", lines)) == 1, lines
    assert "hnsw" not in lines


async def test_kept_plans_find_the_same_also_when_the_index_has_moved(
    database: Database, server: EmbeddedServer, embedding: HashEmbedding
) -> None:
    keeping = Database(
        app_url=server.url("aura_app"),
        system_url=server.url("aura_system"),
        pool_size=1,
        prepared_statements=True,
    )
    scope, places = Scope(tenant_id=await new_organisation(database)), Places()
    plain, kept = (TenantIndex(each, scope, embedding, places=places) for each in (database, keeping))
    try:
        await fill(plain, embedding, HANDBOOK)
        for question in ("express shipping", "returns", "holiday", "express shipping"):
            assert await hits(kept, question) == await hits(TenantIndex(database, scope, embedding), question)
        async with keeping.tenant(scope) as session:
            query = text(
                "SELECT statement, generic_plans FROM pg_prepared_statements WHERE statement LIKE 'WITH scanned%'"
            )
            [(statement, plans)] = (await session.execute(query)).all()
        assert plans > 0
        # The question's vector is read from its text once, and not for each row.
        assert re.search(r"embedding <=> \(InitPlan \d+\)", _generic_plan(server, statement))

        await Rebuild(database, embedding).run(scope, dedicated=True)
        stale = places.of(scope.tenant_id)
        assert stale is not None
        assert not stale.dedicated
        assert await hits(kept, "express shipping") == await hits(plain, "express shipping")
        assert places.of(scope.tenant_id) is None
    finally:
        await keeping.close()


def _generic_plan(server: EmbeddedServer, statement: str) -> str:
    with psycopg.connect(server.url("aura_owner"), autocommit=True) as owner:
        explained = owner.execute(f"EXPLAIN (GENERIC_PLAN, VERBOSE) {statement}".encode()).fetchall()
    return "\n".join(line for (line,) in explained)


def _partition(owner: psycopg.Connection, table: str, tenant_id: UUID) -> int:
    query = "SELECT n FROM generate_series(0, 31) AS n WHERE satisfies_hash_partition(%s::regclass, 32, n, %s)"
    [(number,)] = owner.execute(query, [table, tenant_id]).fetchall()
    return number


async def test_a_hundred_tenants_share_two_connections(server: EmbeddedServer, embedding: HashEmbedding) -> None:
    database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"), pool_size=2)
    try:
        tenants = [
            TenantIndex(database, Scope(tenant_id=await new_organisation(database)), embedding) for _ in range(100)
        ]

        async def work(number: int, index: TenantIndex) -> list[str]:
            await fill(index, embedding, [f"The canary of organisation {number} sings"], prefix=f"t{number}-")
            return [hit[0] for hit in await hits(index, "canary sings")]

        found = await asyncio.gather(*(work(number, index) for number, index in enumerate(tenants)))
    finally:
        await database.close()

    assert found == [[f"t{number}-0"] for number in range(100)]
