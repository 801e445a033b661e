"""What each viewer sees by every way of reading: all that is theirs, and nothing of anybody else's.

Another organisation is nothing to them, and neither are another member's private documents and conversations: not to the
admin, and not to the organisation's own programs.
"""

from __future__ import annotations

import asyncio

import pytest
from leaks_support import SEEN, Audience, Locks, World, asking_for, canaries, node, sight
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery, VectorStoreQueryMode
from llama_index.vector_stores.postgres import PGVectorStore

from aura import Workspace
from aura.index.store import TenantVectorStore

VIEWERS: tuple[Audience, ...] = ("programs", "admin", "user")


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_a_viewer_sees_what_is_theirs_and_no_more(world: World, locks: Locks, viewer: Audience) -> None:
    shown = await sight(locks(world.acme.viewers[viewer]), asking_for(world.acme, world.globex))
    assert canaries(shown, world.acme, world.globex) == {world.acme.word(seen) for seen in SEEN[viewer]}


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_a_viewer_sees_no_more_through_the_synchronous_calls_of_llama_index(
    world: World, locks: Locks, viewer: Audience
) -> None:
    asked = asking_for(world.acme, world.globex)
    shown = await asyncio.to_thread(synchronously, locks(world.acme.viewers[viewer]), asked)
    seen = SEEN[viewer] - {"key", "programs"} & {"org", "node", viewer}
    assert canaries(shown.replace(asked, ""), world.acme, world.globex) == {world.acme.word(each) for each in seen}


def synchronously(workspace: Workspace, asked: str) -> str:
    store = workspace.index.vector_store
    engine = workspace.query_engine(similarity_top_k=50).query(asked)
    results = [
        store.query(
            VectorStoreQuery(
                query_str=asked, query_embedding=node("x", id="x", ref="x").embedding, similarity_top_k=100, mode=mode
            )
        )
        for mode in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.SPARSE, VectorStoreQueryMode.HYBRID)
    ]
    found = [
        *store.get_nodes(),
        *(hit.node for hit in engine.source_nodes),
        *(n for r in results for n in r.nodes or ()),
    ]
    found += [hit.node for hit in workspace.retriever(limit=100).retrieve(asked)]
    found += [hit.node for hit in workspace.index.as_retriever(similarity_top_k=100).retrieve(asked)]
    return repr([str(engine), [(each.get_content(), each.metadata) for each in found]])


@pytest.mark.parametrize("filename", ["org", "user"])
async def test_a_filter_that_names_a_foreign_file_finds_nothing(world: World, locks: Locks, filename: Audience) -> None:
    name = f"{world.globex.word(filename)}.md"
    store = locks(world.acme.user).index.vector_store
    assert await store.aget_nodes(filters=MetadataFilters(filters=[MetadataFilter(key="filename", value=name)])) == []


async def test_the_same_node_id_in_two_organisations_is_two_nodes(world: World, locks: Locks) -> None:
    for side in (world.acme, world.globex):
        (found,) = await locks(side.user).index.vector_store.aget_nodes(["shared"])
        assert side.word("node") in found.get_content()


def test_no_method_of_the_stock_store_is_left_as_it_was() -> None:
    """The stock methods know no tenant."""
    public = {name for name, member in vars(PGVectorStore).items() if callable(member) and not name.startswith("_")}
    assert public - {"client"} <= set(vars(TenantVectorStore))
    assert len(public) > 10


async def test_a_store_holds_no_address_of_the_database(world: World) -> None:
    store = world.acme.user.index.vector_store
    assert store.client is None
    assert (store.connection_string, store.async_connection_string) == ("", "")
    assert "postgresql" not in repr(store.to_dict())
