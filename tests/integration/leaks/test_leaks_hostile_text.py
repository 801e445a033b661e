"""SQL in every string that a user reaches: it is data. Also where nothing but our own statements stands between the user
and the rows: `application filter alone` sends them as a superuser, who could do all that they ask for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from leaks_attacks import ANSWER
from leaks_support import DATABASE_ALONE, FILTER_ALONE, SEEN, Locks, Side, World, canaries, drained, everything, node
from llama_index.core.vector_stores.types import FilterOperator, MetadataFilter, MetadataFilters, VectorStoreQuery

from aura import Workspace
from aura.errors import AuraError
from aura.tenants.values import ProfileChanges

HOSTILE = {
    "an OR": "x' OR '1'='1",
    "a stacked scope": "'; SET LOCAL aura.tenant_id = '{foreign}'; --",
    "a stacked SET": "x'); SET aura.tenant_id TO '{foreign}'; SELECT ('",
    "set_config": "' || set_config('aura.tenant_id', '{foreign}', true) || '",
    "a set_config in a sub-select": "(SELECT pg_catalog.set_config('aura.tenant_id', '{foreign}', false))",
    "a RESET": "'; RESET ALL; RESET ROLE; --",
    "a SET ROLE": "'; SET ROLE aura_owner; SET LOCAL aura.role = 'service'; --",
    "a UNION": "' UNION SELECT text FROM chunks --",
    "a DELETE": "'); DELETE FROM documents; DELETE FROM chunks; --",
    "a DO block": "$$; DO $x$ BEGIN PERFORM set_config('aura.tenant_id', '{foreign}', true); END $x$; $$",
    "placeholders": "%(tenant_id)s %s %% :tenant_id {{tenant}} $1 \\' \\",
    "a NUL": "a\0b' OR 1=1 --",
    "half a character": "\ud800' OR 1=1 --",
}

Surface = Callable[[Workspace, str], Awaitable[object]]


def _where(key: str, value: str, operator: FilterOperator = FilterOperator.EQ) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, value=value, operator=operator)])


async def _remember(workspace: Workspace, text: str) -> object:
    talk = await workspace.conversations.start()
    await workspace.conversations.add_turn(talk, text, ANSWER)
    return await workspace.conversations.recent(talk), await workspace.conversations.list(cursor=text)


SURFACES: dict[str, Surface] = {
    "ask": lambda w, text: w.ask(text),
    "ask in a collection": lambda w, text: w.ask("warranty", collection=text),
    "stream": lambda w, text: drained(w.stream(text)),
    "search": lambda w, text: w.search(text, limit=100),
    "search in a collection": lambda w, text: w.search("warranty", collection=text),
    "retriever": lambda w, text: w.retriever(limit=100).aretrieve(text),
    "query engine": lambda w, text: w.query_engine().aquery(text),
    "conversation": _remember,
    "documents.add": lambda w, text: w.documents.add(uuid4().bytes.hex().encode(), f"{text}.txt", collection=None),
    "documents.list": lambda w, text: w.documents.list(cursor=text),
    "documents.list of a collection": lambda w, text: w.documents.list(collection=text),
    "documents.list of a stage": lambda w, text: w.documents.list(stage=text),  # pyright: ignore[reportArgumentType]
    "collections.create": lambda w, text: w.collections.create(text, description=text),
    "collections.list": lambda w, text: w.collections.list(cursor=text),
    "users.add": lambda w, text: w.users.add(email=f"{text}@x.test", password=text, name=text, role=text),
    "users.by_email": lambda w, text: w.users.by_email(text),
    "users.list": lambda w, text: w.users.list(cursor=text),
    "users.update_profile": lambda w, text: w.users.update_profile(
        w.user.id,  # pyright: ignore[reportOptionalMemberAccess]
        ProfileChanges(name=text, persona_settings={text: text}, voice_preference=text),
    ),
    "provider_keys.set": lambda w, text: w.provider_keys.set(text, text),
    "provider_keys.get": lambda w, text: w.provider_keys.get(text),
    "node": lambda w, text: w.index.vector_store.async_add([node(text, id=text, ref=text)]),
    "node ids": lambda w, text: w.index.vector_store.aget_nodes([text, "shared"]),
    "source ids": lambda w, text: w.index.vector_store.adelete(text),
    "filter value": lambda w, text: w.index.vector_store.aget_nodes(filters=_where("topic", text)),
    "filter text": lambda w, text: w.index.vector_store.aget_nodes(
        filters=_where("topic", text, FilterOperator.TEXT_MATCH)
    ),
    "filter key": lambda w, text: w.index.vector_store.aget_nodes(filters=_where(text, text)),
    "filter of an id": lambda w, text: w.index.vector_store.aget_nodes(filters=_where("document_id", text)),
    "vector query": lambda w, text: w.index.vector_store.aquery(
        VectorStoreQuery(query_str=text, query_embedding=[1.0] * 256, node_ids=[text], doc_ids=[text])
    ),
    "delete nodes": lambda w, text: w.index.vector_store.adelete_nodes(filters=_where("topic", text)),
}


@pytest.mark.parametrize("locks", [DATABASE_ALONE, FILTER_ALONE], indirect=True)
@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_data_on_every_surface(world: World, mallory: Side, locks: Locks, text: str) -> None:
    """Mallory's admin sends it everywhere; the others stay as they are, and no answer shows what is not Mallory's."""
    before = [await everything(world.database, side, world.files) for side in (world.acme, world.globex)]
    hostile = HOSTILE[text].replace("{foreign}", str(world.globex.programs.organisation.id))
    allowed = {mallory.word(seen) for seen in SEEN["admin"]}
    for surface in SURFACES.values():
        shown = await answer(surface, locks(mallory.admin), hostile)
        assert canaries(shown, world.acme, world.globex, mallory) <= allowed
    assert [await everything(world.database, side, world.files) for side in (world.acme, world.globex)] == before


async def answer(surface: Surface, workspace: Workspace, text: str) -> str:
    """What a surface answers: anything of ours, and never an error of the database's or Python's own."""
    try:
        return repr(await surface(workspace, text))
    except AuraError as error:
        return str(error)
