"""Leak shape 8: what was removed, switched off or replaced gives nothing any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from leaks_support import Side, World, add, asking_for, canaries, furnish, sight, tenant_folder
from sqlalchemy import func, select, text

from aura.database.tables import TENANT_TABLES, generations, index_table, lexicon, vector_cache
from aura.errors import AuraError, Denied, NotFound
from aura.tenants.values import PlanChanges, UserChanges


async def test_a_deleted_document_is_gone_from_everything_that_was_made_of_it(world: World, fresh: Side) -> None:
    kept = await add(fresh.admin, "The canteen opens at eleven.", "canteen.txt")
    ids_before = await count(world, fresh)
    word = fresh.word("org")
    document = await add(fresh.admin, f"The warranty of {word} lasts ten years.", f"{word}.txt")
    answer = await fresh.user.ask(f"How long does the warranty of {word} last?")
    assert word in answer.text
    receipt = await fresh.admin.documents.delete(document)
    assert (receipt.documents, receipt.chunks, receipt.vectors, receipt.files) == (1, 1, 1, 3)
    assert canaries(await sight(fresh.user, asking_for(fresh)), fresh) == set()
    for way in (fresh.user.documents.text, fresh.user.documents.chunks, fresh.user.documents.original):
        with pytest.raises(NotFound):
            await way(answer.citations[0].document_id)
    assert await count(world, fresh) == ids_before
    assert not list(tenant_folder(world.files, fresh).glob(f"**/{document}*"))
    assert (await fresh.user.documents.get(kept)).id == kept


async def test_a_replaced_document_answers_with_its_new_version_alone(fresh: Side) -> None:
    word = fresh.word("org")
    document = await add(fresh.admin, f"The code of {word} is four.", "code.txt")
    assert await add(fresh.admin, "The code is five.", "code.txt") == document
    shown = repr([await fresh.user.search("code", limit=100), await fresh.user.ask("What is the code?")])
    shown += repr(await fresh.user.index.vector_store.aget_nodes()) + repr(await fresh.user.documents.chunks(document))
    assert word not in shown
    assert word not in await fresh.user.documents.text(document)


async def test_a_deleted_collection_is_no_place_to_look_in_or_to_add_to(fresh: Side) -> None:
    made = await fresh.admin.collections.create("shelf")
    await add(fresh.admin, f"The memo of {fresh.word('org')}.", "memo.txt", collection=made.id)
    await fresh.admin.collections.delete(made.id, erase=fresh.admin.documents.delete)
    for name in ("shelf", made.id):
        for way in (
            fresh.user.search("memo", collection=name),
            fresh.user.ask("memo?", collection=name),
            fresh.user.documents.add(b"x", "x.txt", collection=name),
        ):
            with pytest.raises(NotFound):
                await way
    assert canaries(await sight(fresh.user, asking_for(fresh)), fresh) == set()


async def test_a_deleted_conversation_is_not_gone_on_with(fresh: Side) -> None:
    talk = await fresh.user.conversations.start()
    await fresh.user.ask(f"What of {fresh.word('user')}?", conversation=talk)
    await fresh.user.conversations.delete(talk)
    with pytest.raises(NotFound):
        await fresh.user.ask("And then?", conversation=talk)
    assert fresh.word("user") not in repr(await fresh.user.conversations.list())


@pytest.mark.parametrize("way", ["by id", "by address", "by their own value"])
async def test_a_member_who_was_switched_off_or_deleted_gets_no_workspace(world: World, fresh: Side, way: str) -> None:
    member = fresh.user.user
    assert member is not None
    named = {"by id": member.id, "by address": member.email, "by their own value": member}[way]
    await fresh.admin.users.update(member.id, UserChanges(is_active=False))
    with pytest.raises((NotFound, Denied)):
        await world.aura.workspace(fresh.name, named)
    await fresh.admin.users.update(member.id, UserChanges(is_active=True))
    assert (await world.aura.workspace(fresh.name, named)).user is not None
    await fresh.admin.users.delete(member.id)
    with pytest.raises(NotFound):
        await world.aura.workspace(fresh.name, named)


@pytest.mark.parametrize("why", ["switched off", "expired"])
async def test_an_organisation_that_is_not_served_gets_no_workspace_by_any_name(
    world: World, fresh: Side, why: str
) -> None:
    """Not by its value either, which says that it is active still."""
    organisation = fresh.programs.organisation
    ended = datetime.now(UTC) - timedelta(days=1)
    changes = {"switched off": PlanChanges(is_active=False), "expired": PlanChanges(expires_at=ended)}[why]
    await world.aura.tenants.set_plan(organisation.id, changes)
    for named in (organisation.id, organisation.subdomain, organisation):
        for member in (None, fresh.user.user):
            with pytest.raises(Denied):
                await world.aura.workspace(named, member)


async def test_an_erased_organisation_leaves_no_row_and_no_file_and_opens_no_more(world: World, fresh: Side) -> None:
    await furnish(fresh)
    scope = fresh.programs.scope.as_service()
    receipt = await fresh.admin.erase()
    assert (receipt.documents, receipt.users) == (3, 2)
    assert receipt.chunks > 3
    assert receipt.vectors == receipt.chunks + receipt.messages + receipt.facts  # turns and facts have one, too
    async with world.database.tenant(scope) as session:
        for table in (*TENANT_TABLES, index_table("index_256")):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
    assert not tenant_folder(world.files, fresh).exists()
    for named in (fresh.name, fresh.programs.organisation.id, fresh.programs.organisation):
        with pytest.raises(NotFound):
            await world.aura.workspace(named)


async def test_a_workspace_that_outlived_its_organisation_shows_and_keeps_nothing(world: World, fresh: Side) -> None:
    await furnish(fresh)
    await world.aura.tenants.erase(fresh.programs.organisation.id)
    assert await fresh.user.search("merger memo") == []
    assert (await fresh.user.ask("What does the merger memo say?")).refused
    assert (await fresh.user.documents.list()).items == ()
    for deed in (
        fresh.user.conversations.start(),
        fresh.user.documents.add(b"planted", "planted.txt"),
        fresh.admin.collections.create("planted"),
        fresh.admin.erase(),
    ):
        with pytest.raises(AuraError):
            await deed
    assert not tenant_folder(world.files, fresh).exists()


async def test_a_sub_domain_that_is_free_again_opens_nothing_of_the_one_before(world: World, fresh: Side) -> None:
    await furnish(fresh)
    await fresh.admin.erase()
    heir = await world.aura.tenants.create(
        organization_name="Heir", subdomain=fresh.name, admin_email=f"admin@{fresh.name}.test", password="x" * 20
    )
    assert heir.organisation.id != fresh.programs.organisation.id
    assert canaries(await sight(heir, asking_for(fresh)), fresh) == set()
    stale = await fresh.user.search("merger memo")
    assert stale == []
    with pytest.raises(NotFound):
        await world.aura.workspace(fresh.name, fresh.user.user)


async def count(world: World, side: Side) -> list[int | None]:
    """How many rows there are of what a document is made into."""
    async with world.database.tenant(side.programs.scope.as_service()) as session:
        index = index_table(await session.scalar(select(generations.c.table_name)) or "")
        rows = [
            await session.scalar(select(func.count()).select_from(table)) for table in (index, vector_cache, lexicon)
        ]
        versions = "SELECT (SELECT count(*) FROM documents) + (SELECT count(*) FROM document_versions)"
        return [*rows, await session.scalar(text(f"{versions} + (SELECT count(*) FROM chunks)"))]
