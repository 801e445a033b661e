"""Two organisations with canaries: neither sees, changes or learns of anything of the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, insert, select, update
from tenants_support import PASSWORD, Tenant, without

from aura.database.engine import Database
from aura.database.scopes import application_filter, visible
from aura.database.tables import collections, organisations, provider_keys, users
from aura.errors import AuraError, BackendError, NotFound
from aura.identity import CollectionId, Role, UserId
from aura.tenants.values import ProfileChanges, UserChanges

CANARY = "canary-9f2c41"

Surface = Callable[[Tenant, UUID], Awaitable[object]]

BY_USER_ID: dict[str, Surface] = {
    "get": lambda tenant, id: tenant.users.get(UserId(id)),
    "update": lambda tenant, id: tenant.users.update(UserId(id), UserChanges(name="x")),
    "update with a role": lambda tenant, id: tenant.users.update(UserId(id), UserChanges(role=Role.USER)),
    "update of nothing": lambda tenant, id: tenant.users.update(UserId(id), UserChanges()),
    "update_profile": lambda tenant, id: tenant.users.update_profile(UserId(id), ProfileChanges(name="x")),
    "change_password": lambda tenant, id: tenant.users.change_password(UserId(id), current=PASSWORD, new=PASSWORD),
    "set_password": lambda tenant, id: tenant.users.set_password(UserId(id), "a password of mine"),
    "delete": lambda tenant, id: tenant.users.delete(UserId(id)),
}
BY_COLLECTION_ID: dict[str, Surface] = {
    "get": lambda tenant, id: tenant.collections.get(CollectionId(id)),
    "by_name_or_id": lambda tenant, id: tenant.collections.by_name_or_id(str(id)),
    "rename": lambda tenant, id: tenant.collections.rename(CollectionId(id), "x"),
    "delete": lambda tenant, id: tenant.collections.delete(CollectionId(id)),
}


@pytest.fixture(params=[True, False], ids=["both locks", "row-level security alone"], autouse=True)
async def filtered(request: pytest.FixtureRequest) -> AsyncIterator[bool]:
    """Each test runs with the application's own filter, and without it."""
    application_filter.set(request.param)
    yield request.param
    application_filter.set(True)


async def test_the_filter_of_these_tests_is_really_switched(filtered: bool, acme: Tenant) -> None:
    assert ("tenant_id" in str(visible(users, acme.scope))) is filtered


@pytest.fixture
async def secret_user(globex: Tenant) -> UserId:
    return (await globex.users.add(email=f"{CANARY}@globex.test", password=PASSWORD, name=CANARY)).id


@pytest.fixture
async def secret_collection(globex: Tenant) -> CollectionId:
    return (await globex.collections.create(CANARY, description=CANARY)).id


@pytest.mark.parametrize("surface", BY_USER_ID)
async def test_a_foreign_user_and_an_unknown_one_are_answered_alike_and_nothing_changes(
    acme: Tenant, globex: Tenant, secret_user: UserId, surface: str
) -> None:
    before = await _everything(globex)
    await _assert_alike(acme, BY_USER_ID[surface], foreign=secret_user)
    assert await _everything(globex) == before


@pytest.mark.parametrize("surface", BY_COLLECTION_ID)
async def test_a_foreign_collection_and_an_unknown_one_are_answered_alike_and_nothing_changes(
    acme: Tenant, globex: Tenant, secret_collection: CollectionId, surface: str
) -> None:
    before = await _everything(globex)
    await _assert_alike(acme, BY_COLLECTION_ID[surface], foreign=secret_collection)
    assert await _everything(globex) == before


async def test_a_foreign_name_or_address_or_provider_is_not_found(
    acme: Tenant, globex: Tenant, secret_user: UserId, secret_collection: CollectionId
) -> None:
    await globex.provider_keys.set("openai", f"sk-{CANARY}")
    for attempt in (
        acme.users.by_email(f"{CANARY}@globex.test"),
        acme.collections.by_name_or_id(CANARY),
        acme.provider_keys.get("openai"),
        acme.provider_keys.delete("openai"),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await globex.provider_keys.get("openai") == f"sk-{CANARY}"


async def test_no_list_shows_a_canary_of_another_organisation(
    acme: Tenant, globex: Tenant, secret_user: UserId, secret_collection: CollectionId
) -> None:
    await globex.provider_keys.set(CANARY, f"sk-{CANARY}")
    await globex.add_document(secret_collection, private_to=secret_user)
    shown = repr(
        [
            await acme.users.list(),
            await acme.collections.list(),
            await acme.provider_keys.list(),
            await acme.users.private_documents(secret_user),
            await acme.storage.use(),
        ]
    )
    assert CANARY not in shown
    assert await acme.users.private_documents(secret_user) == ()
    assert CANARY in repr(
        [await globex.users.list(), await globex.collections.list(), await globex.provider_keys.list()]
    )


async def test_a_foreign_cursor_shows_nothing_foreign(acme: Tenant, globex: Tenant, secret_user: UserId) -> None:
    page = await acme.users.list(cursor="a")
    assert {user.email for user in page.items} == {acme.admin.email}


@pytest.mark.parametrize("table", [users, collections, provider_keys, organisations], ids=lambda table: table.name)
async def test_row_level_security_alone_shows_only_the_scope_s_own_rows(
    database: Database, acme: Tenant, globex: Tenant, secret_user: UserId, secret_collection: CollectionId, table
) -> None:
    for tenant in (acme, globex):
        await tenant.provider_keys.set("openai", "sk-1")
    column = table.c.id if table is organisations else table.c.tenant_id
    async with database.tenant(acme.scope.as_service()) as connection:
        seen = set((await connection.execute(select(column))).scalars())
    assert seen == {acme.id}


@pytest.mark.parametrize("table", [users, collections, provider_keys, organisations], ids=lambda table: table.name)
async def test_row_level_security_alone_changes_and_deletes_only_the_scope_s_own_rows(
    database: Database, acme: Tenant, globex: Tenant, secret_user: UserId, secret_collection: CollectionId, table
) -> None:
    await globex.provider_keys.set("openai", f"sk-{CANARY}")
    before = await _everything(globex)
    column = table.c.id if table is organisations else table.c.tenant_id
    async with database.tenant(acme.scope.as_service()) as connection:
        changed = await connection.execute(update(table).where(column == globex.id).values(created_at=func.now()))
        assert changed.rowcount == 0
        if table is not organisations:
            assert (await connection.execute(delete(table).where(column == globex.id))).rowcount == 0
    assert await _everything(globex) == before


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (users, {"email": "x@y.test", "password_hash": "x", "role": "admin"}),
        (collections, {"name": "planted"}),
        (provider_keys, {"provider": "planted", "ciphertext": b"x"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_a_row_for_another_organisation_is_refused(
    database: Database, acme: Tenant, globex: Tenant, table, row: dict[str, object]
) -> None:
    before = await _everything(globex)
    permissions = {"can_upload_documents": True, "can_modify_ai_settings": True, "can_view_analytics": True}
    values = {**row, "tenant_id": globex.id, **({"id": uuid4()} if "id" in table.c else {})}
    if table is users:
        values |= permissions
    with pytest.raises(BackendError, match="InsufficientPrivilege"):
        async with database.tenant(acme.scope) as connection:
            await connection.execute(insert(table).values(values))
    assert await _everything(globex) == before


async def test_an_own_row_can_not_be_moved_to_another_organisation(
    database: Database, acme: Tenant, globex: Tenant
) -> None:
    with pytest.raises(BackendError, match="InsufficientPrivilege"):
        async with database.tenant(acme.scope) as connection:
            await connection.execute(update(users).where(users.c.id == acme.admin.id).values(tenant_id=globex.id))


async def test_a_document_can_not_be_put_into_another_organisation_s_collection(
    acme: Tenant, secret_collection: CollectionId
) -> None:
    with pytest.raises(BackendError):
        await acme.add_document(secret_collection)


async def test_the_system_role_reads_logins_and_nothing_else_of_a_member(database: Database, acme: Tenant) -> None:
    async with database.system() as connection:
        assert (await connection.execute(select(users.c.email).where(users.c.tenant_id == acme.id))).scalars().all()
    for statement in (
        select(users.c.persona_settings),
        select(provider_keys.c.provider),
        select(collections.c.name),
        update(users).values(role="admin"),
        delete(users),
    ):
        with pytest.raises(BackendError, match="InsufficientPrivilege"):
            async with database.system() as connection:
                await connection.execute(statement)


async def _assert_alike(tenant: Tenant, surface: Surface, *, foreign: UUID) -> None:
    unknown = uuid4()
    answers: list[tuple[type[AuraError], str]] = []
    for id in (foreign, unknown):
        with pytest.raises(NotFound) as refused:
            await surface(tenant, id)
        answers.append((type(refused.value), without(refused.value, id)))
    assert answers[0] == answers[1]


async def _everything(tenant: Tenant) -> list[object]:
    """Every row of the organisation, password hashes and ciphertexts included."""
    async with tenant.database.tenant(tenant.scope.as_service()) as connection:
        return [
            (await connection.execute(select(table))).all()
            for table in (organisations, users, collections, provider_keys)
        ]
