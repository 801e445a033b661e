"""The storage of a plan: counted over everybody's documents, and kept exactly when many ask at once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import insert, select
from tenants_support import PASSWORD, Tenant

from aura.database.tables import document_versions, documents
from aura.errors import LimitExceeded, NotFound
from aura.identity import CollectionId, Role, Scope
from aura.tenants.limits import Storage
from aura.tenants.organisations import Organisations
from aura.tenants.values import GIGABYTE, PlanChanges


@pytest.fixture
async def general(acme: Tenant) -> CollectionId:
    return (await acme.collections.default()).id


async def test_ten_gigabytes_are_ten_times_1024_cubed_bytes(acme: Tenant) -> None:
    use = await acme.storage.use()
    assert (use.used_bytes, use.max_bytes, use.left_bytes) == (0, 10 * 1024**3, 10 * 1024**3)


async def test_every_version_counts_and_private_ones_too(acme: Tenant, general: CollectionId) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await acme.add_document(general, size_bytes=100)
    await acme.add_document(general, size_bytes=20, private_to=bob.id)
    assert (await acme.storage.use()).used_bytes == 120


async def test_another_organisation_s_documents_do_not_count(
    acme: Tenant, globex: Tenant, general: CollectionId
) -> None:
    await acme.add_document(general, size_bytes=100)
    assert (await globex.storage.use()).used_bytes == 0


async def test_what_just_fits_is_let_in_and_one_byte_more_is_not(acme: Tenant, general: CollectionId) -> None:
    await acme.add_document(general, size_bytes=9 * GIGABYTE)
    await acme.storage.ensure_room(GIGABYTE)
    with pytest.raises(LimitExceeded) as exceeded:
        await acme.storage.ensure_room(GIGABYTE + 1)
    assert (exceeded.value.limit, exceeded.value.remaining) == ("max_storage_gb", GIGABYTE)
    assert f"{GIGABYTE:,}" in str(exceeded.value)


async def test_a_plan_that_was_made_smaller_has_nothing_left(
    organisations: Organisations, acme: Tenant, general: CollectionId
) -> None:
    await acme.add_document(general, size_bytes=2 * GIGABYTE)
    await organisations.set_plan(acme.id, PlanChanges(max_storage_gb=1))
    assert (await acme.storage.use()).left_bytes == 0
    with pytest.raises(LimitExceeded) as exceeded:
        await acme.storage.ensure_room(1)
    assert exceeded.value.remaining == 0


async def test_of_twenty_uploads_at_once_exactly_the_three_that_fit_are_let_in(
    acme: Tenant, general: CollectionId
) -> None:
    await acme.add_document(general, size_bytes=7 * GIGABYTE)
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    as_bob = Scope(tenant_id=acme.id, user_id=bob.id)
    scopes = [acme.scope, as_bob] * 10
    outcomes = await asyncio.gather(*(_upload(acme, scope, general) for scope in scopes), return_exceptions=True)
    assert outcomes.count(None) == 3
    assert sum(isinstance(outcome, LimitExceeded) for outcome in outcomes) == 17
    assert (await acme.storage.use()).left_bytes == 0


async def test_a_transaction_counts_what_it_has_added_itself(acme: Tenant, general: CollectionId) -> None:
    async with acme.database.tenant(acme.scope) as connection:
        for _ in range(10):
            await acme.storage.ensure_room(GIGABYTE, connection=connection)
            await _insert(connection, acme.scope, general)
        with pytest.raises(LimitExceeded):
            await acme.storage.ensure_room(1, connection=connection)


async def test_asking_for_room_leaves_a_member_s_transaction_with_a_member_s_sight(
    acme: Tenant, general: CollectionId
) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await acme.add_document(general, private_to=acme.admin.id)
    as_bob = Scope(tenant_id=acme.id, user_id=bob.id, role=Role.USER)
    async with acme.database.tenant(as_bob) as connection:
        await acme.storage.ensure_room(1, connection=connection)
        assert (await connection.execute(select(documents.c.id))).all() == []
        with pytest.raises(LimitExceeded):
            await acme.storage.ensure_room(11 * GIGABYTE, connection=connection)
        assert (await connection.execute(select(documents.c.id))).all() == []


async def test_a_transaction_of_another_organisation_is_refused(acme: Tenant, globex: Tenant) -> None:
    async with acme.database.tenant(acme.scope) as connection:
        with pytest.raises(NotFound):
            await globex.storage.ensure_room(1, connection=connection)


async def test_waiting_for_room_does_not_stop_other_work_of_the_organisation(
    acme: Tenant, general: CollectionId
) -> None:
    async with acme.database.tenant(acme.scope) as connection:
        await acme.storage.ensure_room(1, connection=connection)
        async with asyncio.timeout(60):
            await acme.add_document(general)
            await acme.collections.create("Manuals")


async def _upload(tenant: Tenant, scope: Scope, collection_id: CollectionId) -> None:
    async with tenant.database.tenant(scope) as connection:
        await Storage(tenant.database, scope).ensure_room(GIGABYTE, connection=connection)
        await _insert(connection, scope, collection_id)


async def _insert(connection, scope: Scope, collection_id: CollectionId) -> None:
    document_id = uuid4()
    shared = {"tenant_id": scope.tenant_id, "private_to": scope.user_id, "sha256": "0" * 64, "size_bytes": GIGABYTE}
    document = {"id": document_id, "collection_id": collection_id, "filename": str(document_id), "stage": "queued"}
    await connection.execute(insert(documents).values(**shared, **document))
    await connection.execute(insert(document_versions).values(**shared, document_id=document_id, version=1))
