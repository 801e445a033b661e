"""Leak shape 7: nobody does through AURA what their role does not allow, by whichever door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from leaks_support import PASSWORD, Side, World, add, everything, furnish, ingest, new_side, node
from sqlalchemy import update

from aura import Workspace
from aura.database.scopes import application_filter
from aura.database.tables import documents
from aura.documents.values import Stage
from aura.errors import Denied, InvalidRequest, NotFound
from aura.identity import Role, UserId
from aura.tenants.values import UserChanges

Deed = Callable[[Workspace], Awaitable[object]]

ADMIN_ALONE: dict[str, Deed] = {
    "see the users": lambda w: w.users.list(),
    "add a user": lambda w: w.users.add(email="evil@evil.test", password=PASSWORD, role="admin"),
    "become an admin": lambda w: w.users.update(UserId(_id(w)), UserChanges(role=Role.ADMIN)),
    "set a password": lambda w: w.users.set_password(UserId(_id(w)), PASSWORD),
    "see the provider keys": lambda w: w.provider_keys.list(),
    "read a provider key": lambda w: w.provider_keys.get("openai"),
    "set a provider key": lambda w: w.provider_keys.set("openai", "sk-evil"),
    "export": lambda w: w.export(Path("/nowhere")),
    "erase": lambda w: w.erase(),
    "reindex": lambda w: w.reindex(),
    "make a collection": lambda w: w.collections.create("evil"),
    "rename a collection": lambda w: _rename(w),
    "delete a collection": lambda w: _delete_collection(w),
}


async def _rename(workspace: Workspace) -> None:
    await workspace.collections.rename((await _shelf(workspace)), "evil")


async def _delete_collection(workspace: Workspace) -> None:
    await workspace.collections.delete(await _shelf(workspace), erase=workspace.documents.delete)


async def _shelf(workspace: Workspace):
    return next(each.id for each in (await workspace.collections.list()).items if each.name != "general")


def _id(workspace: Workspace) -> UserId:
    assert workspace.user is not None
    return workspace.user.id


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shop(world: World) -> Side:
    """An organisation whose member may not upload, and who has a manager."""
    side = await furnish(await new_side(world.aura, "rights"))
    assert side.user.user is not None
    await side.admin.users.update(side.user.user.id, UserChanges(can_upload_documents=False))
    await side.admin.users.add(email="manager@rights.test", password=PASSWORD, role="manager")
    return side


@pytest.mark.parametrize("deed", ADMIN_ALONE)
async def test_only_an_admin_may(world: World, shop: Side, deed: str) -> None:
    before = await everything(world.database, shop, world.files)
    for who in ("user@rights.test", "manager@rights.test"):
        with pytest.raises(Denied):
            await ADMIN_ALONE[deed](await world.aura.workspace("rights", who))
    assert await everything(world.database, shop, world.files) == before


READERS_NOT: dict[str, Deed] = {
    "ingest": lambda w: ingest(w, "planted", "planted.txt"),
    "ingest in private": lambda w: ingest(w, "planted", "planted.txt", visibility="private"),
    "add": lambda w: w.documents.add(b"planted", "planted.txt"),
    "delete": lambda w: _of_the_organisation(w, w.documents.delete),
    "cancel": lambda w: _of_the_organisation(w, w.documents.cancel),
    "retry": lambda w: _of_the_organisation(w, lambda id: anext(w.documents.retry(id))),
    "set_visibility": lambda w: _of_the_organisation(w, lambda id: w.documents.set_visibility(id, "private")),
    "add nodes": lambda w: w.index.vector_store.async_add([node("planted", id="p", ref="p")]),
    "replace a node": lambda w: w.index.vector_store.async_add([node("planted", id="shared", ref="shared-source")]),
    "insert by LlamaIndex": lambda w: w.index.ainsert_nodes([node("planted", id="p", ref="p")]),
    "delete a source": lambda w: w.index.vector_store.adelete("shared-source"),
    "delete a node": lambda w: w.index.vector_store.adelete_nodes(["shared"]),
    "clear": lambda w: w.index.vector_store.aclear(),
    "delete by LlamaIndex": lambda w: w.index.adelete_ref_doc("shared-source"),
    "add nodes synchronously": lambda w: asyncio.to_thread(
        w.index.vector_store.add, [node("planted", id="p", ref="p")]
    ),
    "clear synchronously": lambda w: asyncio.to_thread(w.index.vector_store.clear),
}


async def _of_the_organisation(workspace: Workspace, deed: Callable[..., Awaitable[object]]) -> None:
    for document in (await workspace.documents.list()).items:
        if document.visibility == "organization":
            await deed(document.id)


@pytest.mark.parametrize("deed", READERS_NOT)
async def test_a_member_who_may_not_upload_changes_nothing_of_the_organisation(
    world: World, shop: Side, deed: str
) -> None:
    before = await everything(world.database, shop, world.files)
    with pytest.raises(Denied):
        await READERS_NOT[deed](await world.aura.workspace("rights", "user@rights.test"))
    assert await everything(world.database, shop, world.files) == before


async def test_a_member_who_may_no_longer_upload_can_still_delete_what_is_private_to_them(
    world: World, fresh: Side
) -> None:
    document = await add(fresh.user, "my own", "mine.txt", visibility="private")
    assert fresh.user.user is not None
    await fresh.admin.users.update(fresh.user.user.id, UserChanges(can_upload_documents=False))
    reader = await world.aura.workspace(fresh.name, "user@" + fresh.name + ".test")
    assert (await reader.documents.delete(document)).documents == 1


async def test_a_role_is_read_when_the_workspace_opens_and_not_taken_from_the_callers_value(
    world: World, fresh: Side
) -> None:
    promoted = await fresh.admin.users.add(email="p@x.test", password=PASSWORD, role="admin")
    await fresh.admin.users.update(promoted.id, UserChanges(role=Role.USER))
    opened = await world.aura.workspace(fresh.name, promoted)
    assert (opened.scope.role, promoted.role) == (Role.USER, Role.ADMIN)
    with pytest.raises(Denied):
        _ = opened.users


async def test_nobody_is_given_the_role_of_maintenance(fresh: Side) -> None:
    with pytest.raises(InvalidRequest):
        await fresh.admin.users.add(email="s@x.test", password=PASSWORD, role="service")
    assert fresh.user.user is not None
    with pytest.raises(InvalidRequest):
        await fresh.admin.users.update(fresh.user.user.id, UserChanges(role=Role.SERVICE))


async def test_the_organisations_programs_have_no_private_documents(fresh: Side) -> None:
    with pytest.raises(InvalidRequest):
        await fresh.programs.documents.add(b"planted", "planted.txt", visibility="private")
    last = (await ingest(fresh.programs, "planted", "planted.txt", visibility="private"))[-1]
    assert (last.stage, last.document_id) == (Stage.FAILED, None)


async def test_a_document_can_not_be_made_private_to_another_member(world: World, shop: Side) -> None:
    """By the database, should a statement of ours ever try."""
    assert shop.user.user is not None
    application_filter.set(False)
    try:
        with pytest.raises(Exception, match="InsufficientPrivilege"):
            async with world.database.tenant(shop.admin.scope) as session:
                await session.execute(update(documents).values(private_to=shop.user.user.id))
    finally:
        application_filter.set(True)
    with pytest.raises(NotFound):
        await shop.admin.documents.get(shop.documents["user"])
