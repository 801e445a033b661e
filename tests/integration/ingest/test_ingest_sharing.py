"""A document becomes private or the organisation's: search, downloads, lists and caches of everybody else obey at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
import pytest_asyncio
from ingest_support import GatedEmbedding, book, ends, index_state, organisation, service
from sqlalchemy import select

from aura import Aura, InvalidRequest, Workspace
from aura.database.engine import Database
from aura.database.tables import chunks, index_table
from aura.documents.values import Stage, Visibility
from aura.errors import Conflict, Denied, NotFound
from aura.identity import DocumentId, Scope
from aura.index.generations import Generation, Rebuild
from aura.tenants.values import UserChanges

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMO = b"# Memo\n\nThe merger with the otter farm is in June.\n"


@dataclass(frozen=True)
class Two:
    """Two members of one organisation; the first is its admin."""

    ada: Workspace
    bob: Workspace


async def two(aura: Aura) -> Two:
    programs = await organisation(aura)
    name = programs.organisation.subdomain
    await programs.users.add(email="bob@acme.test", password="correct horse battery staple")
    return Two(ada=await aura.workspace(name, "ada@acme.test"), bob=await aura.workspace(name, "bob@acme.test"))


@pytest_asyncio.fixture(loop_scope="session")
async def members(aura: Aura) -> Two:
    return await two(aura)


async def memo_of(owner: Workspace, visibility: str) -> DocumentId:
    [done] = (await ends(owner, MEMO, filename="memo.md", visibility=visibility)).values()
    assert done.stage is Stage.READY
    assert done.document_id is not None
    return done.document_id


async def sees(workspace: Workspace, document: DocumentId) -> bool:
    """Whether it is there for `workspace`; each way to it must say the same."""
    found = {passage.document_id for passage in await workspace.search("When is the merger with the otter farm?")}
    listed = {each.id for each in (await workspace.documents.list()).items}
    answer = await workspace.ask("When is the merger with the otter farm?")
    try:
        there = "otter" in await workspace.documents.text(document)
        there &= (
            len(await workspace.documents.chunks(document)) == 1 == len(await workspace.documents.versions(document))
        )
    except NotFound:
        there = False
    assert there is (document in found) is (document in listed) is (not answer.refused)
    return there


async def test_what_becomes_the_organisations_is_found_by_others_and_what_becomes_private_is_not(members: Two) -> None:
    document = await memo_of(members.bob, "private")
    assert not await sees(members.ada, document)

    shared = await members.bob.documents.set_visibility(document, "organization")

    assert shared.visibility is Visibility.ORGANIZATION
    assert await sees(members.ada, document)
    assert await sees(members.bob, document)
    assert (await members.bob.documents.set_visibility(document, "private")).visibility is Visibility.PRIVATE
    assert not await sees(members.ada, document)
    assert await sees(members.bob, document)


async def test_nothing_of_a_change_stays_behind_once_it_is_taken_back(members: Two, records: Database) -> None:
    document = await memo_of(members.bob, "organization")
    before = await index_state(records, members.bob.scope.tenant_id)

    await members.bob.documents.set_visibility(document, "private")
    private = await index_state(records, members.bob.scope.tenant_id)
    await members.bob.documents.set_visibility(document, "organization")

    assert set(private["cache"]).isdisjoint(before["cache"])  # pyright: ignore[reportArgumentType]
    assert len(private["cache"]) == 1  # pyright: ignore[reportArgumentType]
    assert private["index"] == before["index"]
    assert await index_state(records, members.bob.scope.tenant_id) == before


async def test_a_vector_that_others_need_stays_when_its_document_becomes_private(members: Two) -> None:
    document = await memo_of(members.bob, "organization")
    [other] = (await ends(members.ada, MEMO + b"\n", filename="copy.md")).values()
    assert other.document_id is not None

    await members.bob.documents.set_visibility(document, "private")

    receipt = await members.ada.documents.delete(other.document_id)
    assert (receipt.chunks, receipt.vectors, receipt.cache_entries) == (1, 1, 1)
    assert await sees(members.bob, document)


async def test_only_its_owner_makes_a_document_private(members: Two, aura: Aura) -> None:
    document = await memo_of(members.bob, "organization")
    programs = await aura.workspace(members.ada.organisation.subdomain)
    for other in (members.ada, programs):
        with pytest.raises(Denied, match="only who uploaded"):
            await other.documents.set_visibility(document, "private")
    with pytest.raises(InvalidRequest):
        await members.bob.documents.set_visibility(document, "everybody")
    assert await sees(members.ada, document)


async def test_a_member_who_may_no_longer_upload_publishes_nothing(members: Two, aura: Aura) -> None:
    document = await memo_of(members.bob, "private")
    assert members.bob.user is not None
    await members.ada.users.update(members.bob.user.id, UserChanges(can_upload_documents=False))
    reader = await aura.workspace(members.ada.organisation.subdomain, "bob@acme.test")
    with pytest.raises(Denied):
        await reader.documents.set_visibility(document, "organization")
    assert not await sees(members.ada, document)


async def test_a_name_that_is_taken_there_is_a_conflict_that_changes_nothing(members: Two, records: Database) -> None:
    document = await memo_of(members.bob, "private")
    await ends(members.ada, b"Another memo.", filename="memo.md")
    before = await index_state(records, members.ada.scope.tenant_id)
    with pytest.raises(Conflict, match="of this name"):
        await members.bob.documents.set_visibility(document, "organization")
    assert await index_state(records, members.ada.scope.tenant_id) == before


async def test_the_same_name_by_others_is_no_version_of_what_became_private(members: Two) -> None:
    document = await memo_of(members.bob, "organization")
    await members.bob.documents.set_visibility(document, "private")
    [other] = (await ends(members.ada, b"The otters moved out.", filename="memo.md")).values()
    assert other.document_id != document
    assert len(await members.bob.documents.versions(document)) == 1


async def test_a_document_that_becomes_private_while_it_is_embedded_is_private_when_it_is_ready(
    gated: tuple[Aura, GatedEmbedding], records: Database
) -> None:
    aura, model = gated
    members = await two(aura)
    model.stop_after(2)
    ingesting = asyncio.create_task(ends(members.bob, book(100), filename="herons.txt"))
    await model.stopped()
    [document] = (await members.bob.documents.list()).items
    await members.bob.documents.set_visibility(document.id, "private")
    model.let_through()

    last = [progress async for progress in members.bob.documents.work(document.id)][-1]
    await ingesting

    assert (last.stage, last.chunks) == (Stage.READY, 100)
    async with records.tenant(service(members.bob.scope.tenant_id)) as session:
        owners = await session.scalars(select(chunks.c.private_to).where(chunks.c.document_id == document.id))
    assert set(owners) == {members.bob.scope.user_id}
    assert await members.ada.search("heron") == []
    assert len(await members.bob.search("heron")) > 0


async def test_an_index_that_is_rebuilt_meanwhile_obeys_too(members: Two, aura: Aura, records: Database) -> None:
    document = await memo_of(members.bob, "organization")
    tenant_id = members.bob.scope.tenant_id

    class Interrupted(Rebuild):
        """One during which a document becomes private, after it was copied."""

        async def _swap(self, scope: Scope, old: Generation, new: Generation) -> None:
            await members.bob.documents.set_visibility(document, "private")
            await super()._swap(scope, old, new)

    new = await Interrupted(records, aura._parts.embedder).run(service(tenant_id), dedicated=False)

    assert new is not None
    index = index_table(new.table_name)
    async with records.tenant(service(tenant_id)) as session:
        owners = await session.scalars(select(index.c.private_to).where(index.c.tenant_id == tenant_id))
    assert list(owners) == [members.bob.scope.user_id]
    assert not await sees(members.ada, document)
