"""What a key may do in a workspace: its verbs at every door, and its collections on every way of reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from llama_index.core.schema import TextNode

from aura import Aura, Workspace
from aura.access.callers import Caller, Grant
from aura.database.scopes import application_filter
from aura.documents.values import Stage
from aura.errors import Denied, NotFound
from aura.identity import CollectionId, DocumentId, Role, Verb
from aura.tenants.values import UserChanges

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "correct horse battery"
INSIDE, OUTSIDE, LOOSE = "zyinside", "zyoutside", "zyloose"
ASKED = "How long does the warranty last, and what about the merger?"


@dataclass(frozen=True)
class Shop:
    """An organisation with a document in each of two collections, a loose node, and talks about all of them."""

    aura: Aura
    admin: Workspace
    inside: CollectionId
    outside: CollectionId
    document: DocumentId
    hidden: DocumentId

    def holding(self, *verbs: Verb, collections: frozenset[CollectionId] | None = None) -> Workspace:
        """The admin's workspace by a key with these verbs."""
        grant = Grant(verbs=frozenset(verbs), collections=collections)
        caller = Caller(organisation=self.admin.organisation, user=self.admin.user, grant=grant)
        return self.aura.workspace_of(caller)

    @property
    def limited(self) -> Workspace:
        """By a key that may everything, in one collection."""
        return self.holding(*Verb, collections=frozenset({self.inside}))


async def ingested(workspace: Workspace, text: str, filename: str, **options: object) -> DocumentId:
    steps = workspace.documents.ingest(text.encode(), filename=filename, **options)  # pyright: ignore[reportArgumentType]
    last = [step async for step in steps][-1]
    assert last.stage is Stage.READY, last
    assert last.document_id is not None
    return last.document_id


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shop(aura: Aura) -> AsyncIterator[Shop]:
    name = f"shop-{uuid4().hex[:12]}"
    await aura.tenants.create(
        organization_name="Shop", subdomain=name, admin_email="admin@shop.test", password=PASSWORD
    )
    admin = await aura.workspace(name, "admin@shop.test")
    inside, outside = [(await admin.collections.create(word)).id for word in (INSIDE, OUTSIDE)]
    text = "# Warranty\n\nThe warranty of {0} lasts thirteen months. The merger of {0} is in June.\n"
    document = await ingested(admin, text.format(INSIDE), f"{INSIDE}.md", collection=inside)
    hidden = await ingested(admin, text.format(OUTSIDE), f"{OUTSIDE}.md", collection=outside)
    node = TextNode(id_="loose", text=f"The warranty of {LOOSE} tells of the merger.", metadata={"topic": LOOSE})
    node.embedding = [1.0, *[0.0] * 255]
    await admin.index.vector_store.async_add([node])
    talk = await admin.conversations.start()
    await admin.ask(f"How long does the warranty of {OUTSIDE} last?", conversation=talk)
    yield Shop(aura, admin, inside, outside, document, hidden)


# -- collections --------------------------------------------------------------------------------------------------------


async def sight(workspace: Workspace) -> str:
    """All that a workspace shows by every way of reading."""
    store = workspace.index.vector_store
    engine = await workspace.query_engine(similarity_top_k=50).aquery(ASKED)
    listed = (await workspace.documents.list()).items
    shown: list[object] = [
        [await workspace.search(ASKED, limit=100, mode=mode) for mode in ("hybrid", "dense", "bm25")],
        await workspace.ask(ASKED),
        [event async for event in workspace.stream(ASKED)],
        [(hit.text, hit.metadata) for hit in await workspace.retriever(limit=100).aretrieve(ASKED)],
        [(hit.text, hit.metadata) for hit in await workspace.index.as_retriever().aretrieve(ASKED)],
        (str(engine), [(hit.text, hit.metadata) for hit in engine.source_nodes]),
        [(found.get_content(), found.metadata) for found in await store.aget_nodes()],
        listed,
        (await workspace.collections.list()).items,
    ]
    for document in listed:
        shown += [await workspace.documents.get(document.id), await workspace.documents.chunks(document.id)]
        shown.append(await workspace.documents.text(document.id))
        shown.append((await workspace.documents.original(document.id)).read_bytes())
    talks = (await workspace.conversations.list()).items
    shown += [talks, *[await workspace.conversations.recent(talk.id) for talk in talks]]
    return repr(shown)


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_a_key_of_one_collection_sees_nothing_of_another_by_any_way_of_reading(
    shop: Shop, filtered: bool
) -> None:
    everything = await sight(shop.admin)
    assert all(word in everything for word in (INSIDE, OUTSIDE, LOOSE))
    reset = application_filter.set(filtered)
    try:
        seen = await sight(shop.limited)
    finally:
        application_filter.reset(reset)
    assert INSIDE in seen
    assert OUTSIDE not in seen
    assert LOOSE not in seen


BY_ID: dict[str, Callable[[Workspace, Shop], Awaitable[object]]] = {
    "get": lambda w, s: w.documents.get(s.hidden),
    "chunks": lambda w, s: w.documents.chunks(s.hidden),
    "text": lambda w, s: w.documents.text(s.hidden),
    "text of a version": lambda w, s: w.documents.text(s.hidden, version=1),
    "original": lambda w, s: w.documents.original(s.hidden),
    "delete": lambda w, s: w.documents.delete(s.hidden),
    "cancel": lambda w, s: w.documents.cancel(s.hidden),
    "retry": lambda w, s: anext(w.documents.retry(s.hidden)),
    "work": lambda w, s: anext(w.documents.work(s.hidden)),
    "list behind it": lambda w, s: w.documents.list(cursor=str(s.hidden)),
    "list of the collection": lambda w, s: w.documents.list(collection=s.outside),
    "the collection": lambda w, s: w.collections.get(s.outside),
    "the collection by name": lambda w, s: w.collections.by_name_or_id(OUTSIDE),
    "rename": lambda w, s: w.collections.rename(s.outside, "planted"),
    "delete the collection": lambda w, s: w.collections.delete(s.outside, erase=w.documents.delete),
    "search": lambda w, s: w.search(ASKED, collection=s.outside),
    "ask": lambda w, s: w.ask(ASKED, collection=OUTSIDE),
    "stream": lambda w, s: anext(w.stream(ASKED, collection=s.outside)),
    "add": lambda w, s: w.documents.add(b"planted", "planted.txt", collection=s.outside),
    "ingest": lambda w, s: anext(w.documents.ingest(b"planted", filename="planted.txt", collection=OUTSIDE)),
    "add to the default one": lambda w, s: w.documents.add(b"planted", "planted.txt"),
}


@pytest.mark.parametrize("attack", BY_ID)
async def test_what_is_outside_of_a_keys_collections_does_not_exist(shop: Shop, attack: str) -> None:
    with pytest.raises(NotFound):
        await BY_ID[attack](shop.limited, shop)
    assert (await shop.admin.documents.get(shop.hidden)).stage is Stage.READY


async def test_a_talk_of_the_maker_is_closed_to_a_limited_key_and_its_own_goes_on(shop: Shop) -> None:
    (talk,) = (await shop.admin.conversations.list()).items
    for attack in (
        shop.limited.conversations.recent(talk.id),
        shop.limited.conversations.delete(talk.id),
        shop.limited.ask("Go on", conversation=talk.id),
    ):
        with pytest.raises(NotFound):
            await attack
    own = await shop.limited.conversations.start()
    await shop.limited.ask(f"How long does the warranty of {INSIDE} last?", conversation=own)
    assert len(await shop.limited.conversations.recent(own)) == 2
    other = shop.holding(*Verb, collections=frozenset({shop.outside}))
    with pytest.raises(NotFound):
        await other.conversations.recent(own)
    await shop.limited.conversations.delete(own)


async def test_a_limited_key_works_inside_of_its_collection(shop: Shop) -> None:
    document = await ingested(shop.limited, "A note of the shelf.", "note.txt", collection=INSIDE)
    assert (await shop.limited.documents.get(document)).collection_id == shop.inside
    assert (await shop.limited.documents.delete(document)).documents == 1


async def test_a_limited_key_makes_no_collection_and_adds_no_loose_nodes(shop: Shop) -> None:
    with pytest.raises(Denied):
        await shop.limited.collections.create("another")
    with pytest.raises(Denied):
        await shop.limited.index.vector_store.async_add([])
    with pytest.raises(Denied):
        await shop.limited.index.vector_store.aclear()


# -- verbs --------------------------------------------------------------------------------------------------------------

Deed = Callable[[Workspace, Shop], Awaitable[object]]


async def _property(value: object) -> object:
    return value


DOORS: dict[str, tuple[Verb, Deed]] = {
    "search": (Verb.READ, lambda w, s: w.search(ASKED)),
    "retriever": (Verb.READ, lambda w, s: w.retriever().aretrieve(ASKED)),
    "index": (Verb.READ, lambda w, s: w.index.as_retriever().aretrieve(ASKED)),
    "documents.get": (Verb.READ, lambda w, s: w.documents.get(s.document)),
    "documents.list": (Verb.READ, lambda w, s: w.documents.list()),
    "documents.chunks": (Verb.READ, lambda w, s: w.documents.chunks(s.document)),
    "documents.text": (Verb.READ, lambda w, s: w.documents.text(s.document)),
    "documents.original": (Verb.READ, lambda w, s: w.documents.original(s.document)),
    "collections.list": (Verb.READ, lambda w, s: w.collections.list()),
    "collections.get": (Verb.READ, lambda w, s: w.collections.get(s.inside)),
    "conversations.list": (Verb.READ, lambda w, s: w.conversations.list()),
    "storage": (Verb.READ, lambda w, s: w.storage.use()),
    "ask": (Verb.ASK, lambda w, s: w.ask(ASKED)),
    "ask in a collection": (Verb.ASK, lambda w, s: w.ask(ASKED, collection=INSIDE)),
    "stream": (Verb.ASK, lambda w, s: anext(w.stream(ASKED))),
    "llm": (Verb.ASK, lambda w, s: _property(w.llm)),
    "conversations.start": (Verb.ASK, lambda w, s: w.conversations.start()),
    "documents.add": (Verb.WRITE, lambda w, s: w.documents.add(b"a note", f"{uuid4()}.txt")),
    "documents.ingest": (Verb.WRITE, lambda w, s: ingested(w, f"note {uuid4()}", f"{uuid4()}.txt")),
    "documents.cancel": (Verb.WRITE, lambda w, s: w.documents.cancel(s.document)),
    "collections.create": (Verb.WRITE, lambda w, s: w.collections.create(f"shelf {uuid4().hex[:8]}")),
    "users": (Verb.ADMIN, lambda w, s: w.users.list()),
    "keys": (Verb.ADMIN, lambda w, s: w.keys.list()),
    "provider_keys": (Verb.ADMIN, lambda w, s: w.provider_keys.list()),
    "reindex": (Verb.ADMIN, lambda w, s: w.reindex(dedicated=False)),
}


@pytest.mark.parametrize("door", DOORS)
async def test_a_door_opens_to_its_verb_alone(shop: Shop, door: str) -> None:
    verb, deed = DOORS[door]
    await deed(shop.holding(verb), shop)
    with pytest.raises(Denied, match=verb.value):
        await deed(shop.holding(*(set(Verb) - {verb})), shop)


CLOSED: dict[str, tuple[Verb, Deed]] = {
    "documents.delete": (Verb.WRITE, lambda w, s: w.documents.delete(s.document)),
    "documents.retry": (Verb.WRITE, lambda w, s: anext(w.documents.retry(s.document))),
    "collections.rename": (Verb.WRITE, lambda w, s: w.collections.rename(s.inside, "planted")),
    "collections.delete": (Verb.WRITE, lambda w, s: w.collections.delete(s.inside, erase=w.documents.delete)),
    "nodes": (Verb.WRITE, lambda w, s: w.index.vector_store.aclear()),
    "export": (Verb.ADMIN, lambda w, s: w.export(Path("/nowhere"))),
    "erase": (Verb.ADMIN, lambda w, s: w.erase()),
}


@pytest.mark.parametrize("door", CLOSED)
async def test_what_changes_things_for_good_is_closed_without_its_verb(shop: Shop, door: str) -> None:
    verb, deed = CLOSED[door]
    with pytest.raises(Denied):
        await deed(shop.holding(*(set(Verb) - {verb})), shop)
    assert (await shop.admin.documents.get(shop.document)).stage is Stage.READY


async def test_a_verb_gives_a_member_nothing_that_the_role_does_not(aura: Aura, shop: Shop) -> None:
    user = await shop.admin.users.add(email="reader@shop.test", password=PASSWORD)
    reader = await shop.admin.users.update(user.id, UserChanges(can_upload_documents=False))
    grant = Grant(verbs=frozenset(Verb), collections=None)
    workspace = aura.workspace_of(Caller(organisation=shop.admin.organisation, user=reader, grant=grant))
    with pytest.raises(Denied):
        await workspace.documents.add(b"planted", "planted.txt")
    with pytest.raises(Denied):
        await workspace.collections.create("planted")
    for door in ("users", "provider_keys"):
        with pytest.raises(Denied):
            getattr(workspace, door)


# -- the whole way --------------------------------------------------------------------------------------------------------


async def test_from_a_login_to_a_key_to_an_answer(aura: Aura, shop: Shop) -> None:
    subdomain = shop.admin.organisation.subdomain
    login = await aura.access.login(subdomain, "admin@shop.test", PASSWORD, address="192.0.2.77")
    admin = aura.workspace_of(await aura.access.authenticate(login.access_token))
    assert (admin.scope.role, admin.grant) == (Role.ADMIN, None)
    key, secret = await admin.keys.create("reader", verbs=["ask"], collections=[INSIDE])
    program = aura.workspace_of(await aura.access.authenticate(secret))
    answer = await program.ask(f"How long does the warranty of {INSIDE} last?")
    assert "thirteen" in answer.text
    assert {citation.filename for citation in answer.citations} == {f"{INSIDE}.md"}
    with pytest.raises(Denied):
        await program.search(ASKED)
    await admin.keys.revoke(key.id)


async def test_an_authenticated_callers_workspace_needs_no_query(aura: Aura, shop: Shop) -> None:
    caller = Caller(organisation=shop.admin.organisation, user=None)
    workspace = aura.workspace_of(caller)
    assert (workspace.organisation, workspace.user, workspace.scope.role) == (caller.organisation, None, Role.ADMIN)
