"""The collections of an organisation."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import delete
from tenants_support import PASSWORD, Tenant

from aura.database.tables import documents
from aura.documents.values import Receipt
from aura.errors import Conflict, InvalidRequest, NotFound
from aura.identity import CollectionId, DocumentId


async def test_a_collection_is_found_by_its_name_and_by_its_id(acme: Tenant) -> None:
    manuals = await acme.collections.create(" Manuals ", description="How things work")
    assert (manuals.name, manuals.description) == ("Manuals", "How things work")
    for value in ("Manuals", manuals.id, str(manuals.id), str(manuals.id).upper()):
        assert await acme.collections.by_name_or_id(value) == manuals
    assert await acme.collections.get(manuals.id) == manuals


async def test_every_organisation_has_a_default_collection(acme: Tenant) -> None:
    assert (await acme.collections.default()).name == "general"


async def test_a_name_is_there_once_in_an_organisation_and_may_be_in_another(acme: Tenant, globex: Tenant) -> None:
    await acme.collections.create("Manuals")
    with pytest.raises(Conflict, match="already"):
        await acme.collections.create("Manuals")
    await globex.collections.create("Manuals")


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\0b", "x" * 101, "7f0c2f8e-3d8a-4c15-9a86-5d2c7b1f0e11"])
async def test_a_name_that_can_not_be_used_is_refused(acme: Tenant, name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await acme.collections.create(name)
    assert refused.value.field == "name"


@pytest.mark.parametrize("name", ["O'Brien", "a%b_c:x", "1; DROP TABLE users", "überblick", "索引"])
async def test_a_name_is_data_whatever_it_looks_like(acme: Tenant, name: str) -> None:
    made = await acme.collections.create(name)
    assert await acme.collections.by_name_or_id(name) == made


async def test_a_list_is_in_the_order_of_names_and_comes_page_by_page(acme: Tenant) -> None:
    for name in ("delta", "alpha", "beta"):
        await acme.collections.create(name)
    first = await acme.collections.list(limit=3)
    rest = await acme.collections.list(limit=3, cursor=first.next_cursor)
    assert [collection.name for collection in first.items] == ["alpha", "beta", "delta"]
    assert [collection.name for collection in rest.items] == ["general"]
    assert rest.next_cursor is None


async def test_a_collection_is_renamed(acme: Tenant) -> None:
    made = await acme.collections.create("Manuals")
    renamed = await acme.collections.rename(made.id, "Handbooks")
    assert (renamed.id, renamed.name) == (made.id, "Handbooks")
    with pytest.raises(NotFound):
        await acme.collections.by_name_or_id("Manuals")


async def test_a_taken_name_is_a_conflict_for_a_rename_too(acme: Tenant) -> None:
    made = await acme.collections.create("Manuals")
    with pytest.raises(Conflict, match="already"):
        await acme.collections.rename(made.id, "general")
    assert (await acme.collections.get(made.id)).name == "Manuals"


async def test_the_default_collection_keeps_its_name_and_stays(acme: Tenant) -> None:
    general = await acme.collections.default()
    with pytest.raises(Conflict, match="default"):
        await acme.collections.rename(general.id, "other")
    with pytest.raises(Conflict, match="default"):
        await acme.collections.delete(general.id)


async def test_an_empty_collection_is_deleted(acme: Tenant) -> None:
    made = await acme.collections.create("Manuals")
    assert await acme.collections.delete(made.id) == Receipt()
    with pytest.raises(NotFound):
        await acme.collections.get(made.id)


async def test_a_collection_with_documents_says_how_many_are_in_the_way_also_private_ones(acme: Tenant) -> None:
    made = await acme.collections.create("Manuals")
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await acme.add_document(made.id)
    await acme.add_document(made.id, private_to=bob.id)
    with pytest.raises(Conflict, match="2 documents"):
        await acme.collections.delete(made.id)
    assert await acme.collections.get(made.id) == made


async def test_a_collection_goes_with_its_documents_when_told_how_to_erase_them(acme: Tenant) -> None:
    made = await acme.collections.create("Manuals")
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    inside = {await acme.add_document(made.id), await acme.add_document(made.id, private_to=bob.id)}
    outside = await acme.add_document((await acme.collections.default()).id)
    erased: set[DocumentId] = set()

    async def erase(document_id: DocumentId) -> Receipt:
        async with acme.database.tenant(acme.scope.as_service()) as connection:
            await connection.execute(delete(documents).where(documents.c.id == document_id))
        erased.add(document_id)
        return Receipt(documents=1)

    assert await acme.collections.delete(made.id, erase=erase) == Receipt(documents=2)
    assert erased == inside
    assert outside not in erased
    with pytest.raises(NotFound):
        await acme.collections.get(made.id)


async def test_a_document_that_is_added_while_its_collection_goes_is_refused_or_keeps_it(acme: Tenant) -> None:
    for n in range(10):
        made = await acme.collections.create(f"Manuals {n}")
        deleted, added = await asyncio.gather(
            acme.collections.delete(made.id), acme.add_document(made.id), return_exceptions=True
        )
        assert isinstance(deleted, Conflict) != isinstance(added, Exception)


async def test_an_unknown_collection_is_not_found(acme: Tenant) -> None:
    unknown = CollectionId(uuid4())
    for attempt in (
        acme.collections.get(unknown),
        acme.collections.by_name_or_id(str(unknown)),
        acme.collections.by_name_or_id("nothing of this name"),
        acme.collections.by_name_or_id("\0"),
        acme.collections.rename(unknown, "name"),
        acme.collections.delete(unknown),
    ):
        with pytest.raises(NotFound):
            await attempt
