"""`TenantVectorStore` keeps none of the stock class's holes. Each test names one."""

from __future__ import annotations

import asyncio

import pytest
from index_support import NewTenant, member
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from sqlalchemy import text

from aura.database.engine import Database
from aura.errors import Conflict, InvalidRequest
from aura.identity import Scope
from aura.index.retriever import HybridRetriever
from aura.index.store import TenantVectorStore
from aura.index.tenant_index import Search, TenantIndex
from aura.portal import Portal
from aura.testing.embeddings import HashEmbedding

Pair = tuple[TenantVectorStore, TenantVectorStore]
CANARY = "The canary of organisation {} is named Zephyrine"

HOSTILE = [
    "z' OR '1'='1",
    "O'Brien",
    '"; DROP TABLE chunks; --',
    "x'; SET LOCAL aura.tenant_id = '{foreign}'; SELECT '1",
    "'||set_config('aura.tenant_id','{foreign}',true)||'",
    "RESET ALL",
    "SET ROLE aura_owner",
    ":x %(x)s %s $1 {} \\",
    "%",
    "_",
    "a\0b",
    "\ud800",
    "'" * 1000,
    "x" * 1_000_000,
    "🦊",
]


@pytest.fixture
async def pair(
    new_tenant: NewTenant, embedding: HashEmbedding, portal: Portal
) -> tuple[TenantVectorStore, TenantVectorStore]:
    stores = []
    for name in ("A", "B"):
        store = TenantVectorStore(await new_tenant(), portal, dimension=embedding.dimension)
        await store.async_add([await node(embedding, CANARY.format(name), id="same-id", ref="same-ref", owner=name)])
        stores.append(store)
    return stores[0], stores[1]


async def node(embedding: HashEmbedding, content: str, *, id: str, ref: str = "ref", **metadata: object) -> TextNode:
    return TextNode(
        id_=id,
        text=content,
        metadata=metadata,
        embedding=(await embedding.embed([content]))[0].tolist(),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=ref)},
    )


async def asked(
    store: TenantVectorStore,
    embedding: HashEmbedding,
    query: str = "canary Zephyrine",
    mode: VectorStoreQueryMode = VectorStoreQueryMode.HYBRID,
    **options: object,
) -> list[str]:
    result = await store.aquery(
        VectorStoreQuery(
            query_str=query,
            query_embedding=(await embedding.embed_query(query)).tolist(),
            mode=mode,
            similarity_top_k=50,
            **options,  # type: ignore[arg-type]
        )
    )
    return [node.get_content() for node in result.nodes or ()]


async def test_the_same_ids_in_two_tenants_are_two_nodes(pair: Pair) -> None:
    a, b = pair

    assert [n.get_content() for n in await a.aget_nodes(["same-id"])] == [CANARY.format("A")]
    assert [n.get_content() for n in await b.aget_nodes(["same-id"])] == [CANARY.format("B")]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_is_data_wherever_it_goes(pair: Pair, embedding: HashEmbedding, value: str) -> None:
    a, b = pair
    value = value.replace("{foreign}", str(b._index.scope.tenant_id))
    filters = MetadataFilters(filters=[MetadataFilter(key="owner", value=value)])

    for mode in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.SPARSE, VectorStoreQueryMode.HYBRID):
        assert await asked(a, embedding, mode=mode, filters=filters) == []
        assert CANARY.format("B") not in await asked(a, embedding, query=f"{value} canary", mode=mode)
    assert await asked(a, embedding, node_ids=[value]) == []
    assert await asked(a, embedding, doc_ids=[value]) == []
    assert await a.aget_nodes([value], filters) == []
    await a.adelete(value)
    await a.adelete_nodes([value])
    await a.async_add([await node(embedding, f"Text {value}", id=f"id {value[:900]}", ref=value[:900], note=value)])

    assert await asked(a, embedding, filters=MetadataFilters(filters=[MetadataFilter(key="owner", value="A")])) == [
        CANARY.format("A")
    ]
    assert await asked(b, embedding) == [CANARY.format("B")]


@pytest.mark.parametrize(
    "key", ["x' OR '1'='1", "owner'", "a b", "", "1x", "k" * 65, 'a"b', "metadata->>'owner'", "a;b"]
)
async def test_a_filter_key_that_is_no_identifier_is_refused(pair: Pair, embedding: HashEmbedding, key: str) -> None:
    filters = MetadataFilters(filters=[MetadataFilter(key=key, value="A")])

    with pytest.raises(InvalidRequest) as refused:
        await asked(pair[0], embedding, filters=filters)

    assert "SELECT" not in str(refused.value)


async def test_filter_values_keep_their_type(new_tenant: NewTenant, embedding: HashEmbedding, portal: Portal) -> None:
    store = TenantVectorStore(await new_tenant(), portal, dimension=embedding.dimension)
    values: list[object] = ["7", "007", "7e0", 7, "nan", "1e1", 10, "true"]
    await store.async_add([await node(embedding, repr(v), id=str(i), code=v) for i, v in enumerate(values)])

    for value in values:
        filters = MetadataFilters(filters=[MetadataFilter(key="code", value=value)])  # type: ignore[arg-type]
        assert await asked(store, embedding, filters=filters) == [repr(value)]


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        (FilterOperator.GT, 2, {"3"}),
        (FilterOperator.GTE, 2, {"2", "3"}),
        (FilterOperator.LT, 2, {"1"}),
        (FilterOperator.NE, 2, {"1", "3"}),
        (FilterOperator.IN, [1, 3], {"1", "3"}),
        (FilterOperator.NIN, [1, 3], {"2"}),
    ],
)
async def test_operators_compare_numbers_and_pass_over_other_types(
    new_tenant: NewTenant,
    embedding: HashEmbedding,
    portal: Portal,
    operator: FilterOperator,
    value: int | list[int],
    expected: set[str],
) -> None:
    store = TenantVectorStore(await new_tenant(), portal, dimension=embedding.dimension)
    await store.async_add([await node(embedding, str(n), id=f"n{n}", rank=n) for n in (1, 2, 3)])
    filters = MetadataFilters(filters=[MetadataFilter(key="rank", value=value, operator=operator)])

    assert set(await asked(store, embedding, query="1 2 3", filters=filters)) == expected


async def test_text_matching_takes_percent_and_underscore_literally(
    new_tenant: NewTenant, embedding: HashEmbedding, portal: Portal
) -> None:
    store = TenantVectorStore(await new_tenant(), portal, dimension=embedding.dimension)
    await store.async_add(
        [await node(embedding, t, id=t, tag=t) for t in ("100% wool", "100 wool", "foo_bar", "fooxbar")]
    )

    async def matching(value: str) -> set[str]:
        filters = MetadataFilters(filters=[MetadataFilter(key="tag", value=value, operator=FilterOperator.TEXT_MATCH)])
        return set(await asked(store, embedding, query="wool foo", filters=filters))

    assert await matching("0% w") == {"100% wool"}
    assert await matching("o_b") == {"foo_bar"}


async def test_filters_hold_in_the_sparse_leg_too(
    new_tenant: NewTenant, embedding: HashEmbedding, portal: Portal
) -> None:
    store = TenantVectorStore(await new_tenant(), portal, dimension=embedding.dimension)
    await store.async_add([await node(embedding, f"alpine tent {n}", id=str(n), shelf=n % 2) for n in range(6)])
    filters = MetadataFilters(
        filters=[
            MetadataFilter(key="shelf", value=1),
            MetadataFilter(key="missing", value=None, operator=FilterOperator.IS_EMPTY),
        ],
        condition=FilterCondition.AND,
    )

    found = await asked(store, embedding, query="alpine tent", mode=VectorStoreQueryMode.SPARSE, filters=filters)

    assert set(found) == {"alpine tent 1", "alpine tent 3", "alpine tent 5"}


async def test_hybrid_results_are_sorted_and_each_comes_once(
    new_tenant: NewTenant, embedding: HashEmbedding, portal: Portal
) -> None:
    store = TenantVectorStore(await new_tenant(), portal, dimension=embedding.dimension)
    await store.async_add([await node(embedding, f"wool jacket {'warm ' * n}", id=str(n)) for n in range(20)])

    result = await store.aquery(
        VectorStoreQuery(
            query_str="warm wool jacket",
            query_embedding=(await embedding.embed_query("warm wool jacket")).tolist(),
            mode=VectorStoreQueryMode.HYBRID,
            similarity_top_k=20,
        )
    )

    assert result.similarities == sorted(result.similarities or (), reverse=True)
    assert len(set(result.ids or ())) == len(result.ids or ()) == 20


async def test_adding_a_node_again_replaces_it(pair: Pair, embedding: HashEmbedding) -> None:
    a, _ = pair

    await a.async_add([await node(embedding, "The canary moved out", id="same-id", ref="same-ref")])

    assert await asked(a, embedding) == ["The canary moved out"]
    assert await asked(a, embedding, query="Zephyrine", mode=VectorStoreQueryMode.SPARSE) == []


@pytest.mark.parametrize("way", ["delete", "delete_nodes", "clear"])
async def test_removing_reaches_one_tenant_only(pair: Pair, embedding: HashEmbedding, way: str) -> None:
    a, b = pair

    match way:
        case "delete":
            await a.adelete("same-ref")
        case "delete_nodes":
            await a.adelete_nodes(["same-id"])
        case _:
            await a.aclear()

    assert await asked(a, embedding) == []
    assert await asked(b, embedding) == [CANARY.format("B")]


async def test_no_setting_stays_on_a_pooled_connection(
    pair: Pair, database: Database, embedding: HashEmbedding
) -> None:
    a, _ = pair

    async def settings() -> tuple[object, ...]:
        async with database.tenant(a._index.scope) as session:
            names = ("hnsw.ef_search", "enable_indexscan", "hnsw.iterative_scan")
            return tuple([await session.scalar(text(f"SHOW {name}")) for name in names])

    before = await settings()
    await asked(a, embedding)

    assert await settings() == before


async def test_a_node_without_an_embedding_of_the_right_size_is_refused(
    pair: Pair,
) -> None:
    with pytest.raises(InvalidRequest, match="do not fit an index of"):
        await pair[0].async_add([TextNode(id_="short", text="short", embedding=[1.0, 0.0])])


async def test_a_model_change_forces_a_new_generation(pair: Pair, database: Database, embedding: HashEmbedding) -> None:
    from aura.index.generations import Rebuild, serving

    scope = pair[0]._index.scope
    other = HashEmbedding(dimension=128)
    moved = TenantIndex(database, scope, other)

    store = TenantVectorStore(moved, pair[0]._portal, dimension=128)
    with pytest.raises(Conflict, match="rebuild"):
        await store.async_add([TextNode(id_="new", text="new", embedding=[0.1] * 128)])
    by_words = await moved.search(Search(text="canary"))
    assert [found.passage.dense_score for found in by_words.found] == [None]

    generation = await Rebuild(database, other).run(scope, dedicated=False)

    assert generation is not None
    assert generation.dimension == 128
    async with database.tenant(scope) as session:
        assert (await serving(session, scope.tenant_id)) == generation
        assert await session.scalar(text(f"SELECT count(*) FROM index_{embedding.dimension}")) == 0
    found = await moved.search(Search(text="canary"))
    assert found.found[0].passage.dense_score is not None


async def test_a_member_sees_no_private_chunk_of_another(
    pair: Pair, database: Database, embedding: HashEmbedding
) -> None:
    from uuid import uuid4

    from aura.identity import UserId

    a, _ = pair
    owner, other = UserId(uuid4()), UserId(uuid4())
    async with database.tenant(a._index.scope.as_service()) as session:
        await session.execute(text("UPDATE chunks SET private_to = :owner"), {"owner": owner})
        await session.execute(text(f"UPDATE index_{embedding.dimension} SET private_to = :owner"), {"owner": owner})

    assert (await member(a._index, database, embedding, owner).search(Search(text="canary"))).found
    assert not (await member(a._index, database, embedding, other).search(Search(text="canary"))).found
    assert not (await a._index.search(Search(text="canary"))).found


async def test_llama_index_uses_it_asynchronously_and_synchronously(pair: Pair, embedding: HashEmbedding) -> None:
    a, b = pair
    index = VectorStoreIndex.from_vector_store(a, embed_model=embedding)

    await index.ainsert_nodes([TextNode(id_="late", text="A late canary sings")])
    later = await index.as_retriever(similarity_top_k=5).aretrieve("late canary")
    now = await asyncio.to_thread(index.as_retriever(similarity_top_k=5).retrieve, "late canary")
    here = index.as_retriever(similarity_top_k=5).retrieve(
        "late canary"
    )  # on the thread of a running loop, as in Jupyter

    assert {n.text for n in later} == {n.text for n in now} == {n.text for n in here}
    assert later[0].node.node_id == "late"
    assert all("organisation B" not in n.text for n in later)
    assert await asked(b, embedding) == [CANARY.format("B")]


async def test_the_retriever_shows_both_legs(
    pair: Pair,
) -> None:
    retriever = HybridRetriever(pair[0]._index, pair[0]._portal, Search(text="", limit=3))

    [found] = await retriever.aretrieve("canary Zephyrine")

    assert found.node.metadata["dense_score"] > 0
    assert found.node.metadata["bm25_score"] > 0
    assert "dense_score" not in found.node.get_content("llm")  # type: ignore[arg-type]


async def test_one_store_works_on_two_event_loops(database: Database, pair: Pair, embedding: HashEmbedding) -> None:
    a, _ = pair

    def elsewhere() -> list[str]:
        async def run() -> list[str]:
            try:
                return await asked(a, embedding)
            finally:
                await database.close_loop()

        return asyncio.run(run())

    assert await asyncio.to_thread(elsewhere) == await asked(a, embedding) == [CANARY.format("A")]


async def test_a_thousand_scopes_take_no_connection_and_little_memory(
    pair: Pair, database: Database, embedding: HashEmbedding, portal: Portal
) -> None:
    import tracemalloc
    from uuid import uuid4

    from aura.identity import TenantId

    async def connections() -> int:
        async with database.tenant(pair[0]._index.scope) as session:
            return await session.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE usename = 'aura_app'")) or 0

    before = await connections()
    tracemalloc.start()
    for _ in range(1_000):
        index = TenantIndex(database, Scope(tenant_id=TenantId(uuid4())), embedding)
        store = TenantVectorStore(index, portal, dimension=embedding.dimension)
        assert await asked(store, embedding) == []
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert await connections() <= before + 1
    assert grown < 20 * 1024 * 1024
