"""Leak shapes 1 and 3: what is not the caller's is not there, by whichever call its id is sent.

A foreign id and one that nothing has are answered alike: the same error, the same words, and the same statements sent to
the database, behind both locks and behind each of them alone. Another member's private things are as foreign as another
organisation's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest
from leaks_attacks import (
    CHUNK,
    COLLECTION,
    CONVERSATION,
    DOCUMENT,
    FACT,
    MESSAGE,
    RESPONSE,
    SHELF,
    SOURCE,
    USER,
    attacked,
)
from leaks_support import (
    MARK,
    PASSWORD,
    Attack,
    Audience,
    Locks,
    Side,
    World,
    add,
    everything,
    furnish,
    outcome,
    unknown,
)
from sqlalchemy import select

from aura import Workspace
from aura.answering.own_responses import OwnResponses
from aura.database.tables import chunks
from aura.documents.ingest import Documents
from aura.identity import DocumentId
from aura.memory.conversations import Conversations
from aura.memory.facts import Facts
from aura.memory.memory import Memory
from aura.tenants.collections import Collections
from aura.tenants.users import Users

_ID = re.compile(r"\b(Document|Collection|Conversation|User)Id\b|\bUUID\b")
Pair = tuple[Workspace, UUID]


def documents_of_others(world: World) -> list[Pair]:
    """Who must not see what: another organisation's documents, and private ones of another member."""
    acme, globex = world.acme, world.globex
    return [
        (acme.user, globex.documents["org"]),
        (acme.user, globex.documents["user"]),
        (acme.user, acme.documents["admin"]),
        (acme.admin, acme.documents["user"]),
        (acme.programs, acme.documents["user"]),
    ]


def conversations_of_others(world: World) -> list[Pair]:
    return others(world, world.acme.conversations, world.globex.conversations)


def others(world: World, ours: Mapping[Audience, UUID], theirs: Mapping[Audience, UUID]) -> list[Pair]:
    """Who must not see which personal things: those of others, in the organisation and outside of it."""
    acme = world.acme
    return [
        (acme.user, theirs["user"]),
        (acme.user, ours["admin"]),
        (acme.user, ours["programs"]),
        (acme.admin, ours["user"]),
        (acme.programs, ours["user"]),
        (acme.programs, theirs["programs"]),
    ]


async def assert_alike(world: World, attack: Attack, workspace: Workspace, foreign: UUID) -> None:
    """`foreign` and an unknown id look the same to the caller, and nobody's canary is in the answer."""
    met = await outcome(attack, workspace, foreign)
    missed = await outcome(attack, workspace, unknown())
    assert met.observable == missed.observable
    for side in (world.acme, world.globex):
        secrets = [side.word("user"), side.word("admin"), side.word("key")]
        if side is world.globex:
            secrets.append(f"{MARK}{side.name}")
        assert not [secret for secret in secrets if secret in met.text + met.chain]


@pytest.mark.parametrize("attack", DOCUMENT)
async def test_a_document_of_others_is_no_document(world: World, locks: Locks, attack: str) -> None:
    before = await snapshot(world)
    for workspace, id in documents_of_others(world):
        await assert_alike(world, DOCUMENT[attack], locks(workspace), id)
    assert await snapshot(world) == before


@pytest.mark.parametrize("attack", COLLECTION)
async def test_a_collection_of_others_is_no_collection(world: World, locks: Locks, attack: str) -> None:
    before = await snapshot(world)
    for workspace in (world.acme.admin, world.acme.user):
        await assert_alike(world, COLLECTION[attack], locks(workspace), world.globex.collections[0])
    assert await snapshot(world) == before


@pytest.mark.parametrize("attack", CONVERSATION)
async def test_a_conversation_of_others_is_no_conversation(world: World, locks: Locks, attack: str) -> None:
    before = await snapshot(world)
    for workspace, id in conversations_of_others(world):
        await assert_alike(world, CONVERSATION[attack], locks(workspace), id)
    assert await snapshot(world) == before


@pytest.mark.parametrize("attack", RESPONSE)
async def test_a_response_of_others_is_no_response(world: World, locks: Locks, attack: str) -> None:
    """Neither while it is in the memory of this process nor when it is in the database alone."""
    before = await snapshot(world)
    for workspace, id in others(world, world.acme.responses, world.globex.responses):
        await assert_alike(world, RESPONSE[attack], locks(workspace), id)
    assert await snapshot(world) == before


@pytest.mark.parametrize("attack", MESSAGE)
async def test_an_answer_to_others_is_no_answer(world: World, locks: Locks, attack: str) -> None:
    before = await snapshot(world)
    for workspace, id in others(world, world.acme.messages, world.globex.messages):
        await assert_alike(world, MESSAGE[attack], locks(workspace), id)
    assert await snapshot(world) == before


@pytest.mark.parametrize("attack", FACT)
async def test_a_fact_about_others_is_no_fact(world: World, locks: Locks, attack: str) -> None:
    before = await snapshot(world)
    for workspace, id in others(world, world.acme.facts, world.globex.facts):
        await assert_alike(world, FACT[attack], locks(workspace), id)
    assert await snapshot(world) == before


@pytest.mark.parametrize("attack", USER)
async def test_a_member_of_another_organisation_is_no_member(world: World, locks: Locks, attack: str) -> None:
    before = await snapshot(world)
    assert world.globex.user.user is not None
    await assert_alike(world, USER[attack], locks(world.acme.admin), world.globex.user.user.id)
    assert await snapshot(world) == before


@pytest.mark.parametrize("attack", [*CHUNK, *SOURCE, *SHELF])
async def test_a_chunk_of_others_is_no_node(world: World, locks: Locks, attack: str) -> None:
    before = await snapshot(world)
    for workspace, document in documents_of_others(world):
        id: UUID = document
        if attack in CHUNK:
            id = await chunk_of(world, document)
        elif attack in SHELF:
            id = world.globex.collections[0]
        await assert_alike(world, (CHUNK | SOURCE | SHELF)[attack], locks(workspace), id)
    assert await snapshot(world) == before


async def test_the_same_calls_with_ones_own_id_are_answered_otherwise(world: World, fresh: Side) -> None:
    """Or the tests above would compare two failures of another reason. Calls that answer nothing at all prove nothing."""
    side = await furnish(fresh)
    assert side.user.user is not None
    silent = {"vector_store.adelete_nodes", "vector_store.adelete", "vector_store.adelete_nodes by a document's id"}
    trials: list[tuple[dict[str, Attack], UUID]] = [
        (DOCUMENT | SOURCE, side.documents["org"]),
        (COLLECTION | SHELF, side.collections[0]),
        (CONVERSATION, side.conversations["admin"]),
        (RESPONSE, side.responses["admin"]),
        (FACT, side.facts["admin"]),
        (MESSAGE, side.messages["admin"]),  # what takes its place takes the fact along
        (USER, side.user.user.id),
    ]
    for attacks, id in trials:
        last = sorted(attacks, key=lambda name: name.endswith(("delete", "with all in it", "delete_user")))
        for name in [name for name in last if name not in silent]:
            own = await outcome(attacks[name], side.admin, id if "delete" not in name else await doomed(side, name, id))
            assert own.text != (await outcome(attacks[name], side.admin, unknown())).text, name


def test_every_method_that_takes_an_id_is_attacked() -> None:
    tried = set(attacked(DOCUMENT, COLLECTION, CONVERSATION, RESPONSE, MESSAGE, FACT, USER))
    owners = {"documents": Documents, "collections": Collections, "conversations": Conversations, "users": Users}
    owners |= {"responses": OwnResponses, "memory": Memory, "memory.facts": Facts}
    taking = {f"{name}.{method}" for name, owner in owners.items() for method in methods_with_ids(owner)}
    taking |= set(methods_with_ids(Workspace))
    assert taking <= tried
    assert len(taking) > 25


def methods_with_ids(owner: type) -> list[str]:
    public = ((name, member) for name, member in vars(owner).items() if not name.startswith("_"))
    functions = [(name, member) for name, member in public if inspect.isfunction(member)]
    return [
        name
        for name, function in functions
        if any(_ID.search(str(hint)) for key, hint in function.__annotations__.items() if key != "return")
    ]


async def doomed(side: Side, name: str, id: UUID) -> UUID:
    """Something of one's own that can be deleted without the rest of the trial."""
    if name == "documents.delete":
        return await add(side.admin, "doomed", "doomed.txt")
    if name == "delete_user":
        email = f"doomed-{uuid4().hex[:6]}@{side.name}.test"
        return (await side.admin.users.add(email=email, password=PASSWORD)).id
    if name.startswith(("collections.delete", "delete_collection")):
        return (await side.admin.collections.create(f"doomed by {name}")).id
    if name == "conversations.delete":
        return await side.admin.conversations.start()
    return id


async def chunk_of(world: World, document: DocumentId) -> UUID:
    for side in (world.acme, world.globex):
        async with world.database.tenant(side.programs.scope.as_service()) as session:
            found = await session.scalar(select(chunks.c.id).where(chunks.c.document_id == document))
            if found is not None:
                return UUID(found)
    raise AssertionError("the document has no chunk")


async def snapshot(world: World) -> list[object]:
    return [await everything(world.database, side, world.files) for side in (world.acme, world.globex)]
