"""The collections (knowledge bases) of one organisation. Each has a default one that stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import collections, documents
from aura.documents.values import Receipt
from aura.errors import Conflict, Denied, InvalidRequest, NotFound
from aura.identity import CollectionId, DocumentId, Scope, TenantId, Verb
from aura.tenants import validation
from aura.tenants.values import Collection, Page

DEFAULT: Final = "general"
"""The name of the collection that every organisation has."""

_FIELDS = tuple(collections.c[name] for name in Collection.__struct_fields__)


class Collections:
    """The collections of the scope's organisation, for all to see and for those to change who may."""

    def __init__(self, database: Database, scope: Scope, *, may_manage: bool = True) -> None:
        self._database = database
        self._scope = scope
        self._may_manage = may_manage

    async def create(self, name: str, *, description: str = "") -> Collection:
        """A new, empty collection.

        Raises:
            Denied: the member may not manage collections, or an API key acts that is limited to some.
            InvalidRequest: a field can not be used; `field` names it.
            Conflict: the name is taken.
        """
        self._require_manager()
        if self._scope.collections is not None:
            raise Denied("this API key is limited to collections that are there: it makes no new ones")
        row = _row(
            self._scope.tenant_id, _name(name), validation.name(description, field="description", required=False)
        )
        statement = insert(collections).values(row).on_conflict_do_nothing(index_elements=["tenant_id", "name"])
        async with self._database.tenant(self._scope) as connection:
            made = (await connection.execute(statement.returning(*_FIELDS))).mappings().one_or_none()
        if made is None:
            raise _taken()
        return msgspec.convert(made, Collection)

    async def get(self, collection_id: CollectionId) -> Collection:
        """The collection `collection_id`.

        Raises:
            NotFound: the organisation has no such collection.
        """
        self._scope.require(Verb.READ)
        return await self._get(collection_id)

    async def by_name_or_id(self, value: str | CollectionId) -> Collection:
        """The collection that a person or a program means by `value`.

        Raises:
            NotFound: the organisation has no such collection.
        """
        self._scope.require(Verb.READ)
        collection_id = _as_id(value)
        if collection_id is not None:
            return await self._get(collection_id)
        name = validation.find_name(str(value))
        row = None
        if name is not None:
            query = select(*_FIELDS).where(visible(collections, self._scope), collections.c.name == name)
            async with self._database.tenant(self._scope) as connection:
                row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("the organisation has no collection of this name")
        return msgspec.convert(row, Collection)

    async def default(self) -> Collection:
        """The collection that documents go to when none is named."""
        return await self.by_name_or_id(DEFAULT)

    async def list(self, *, limit: int = 100, cursor: str | None = None) -> Page[Collection]:
        """The collections in the order of their names, `limit` at a time."""
        self._scope.require(Verb.READ)
        size = validation.page_size(limit)
        query = (
            select(*_FIELDS)
            .where(visible(collections, self._scope), collections.c.name > validation.cursor(cursor))
            .order_by(collections.c.name)
            .limit(size + 1)
        )
        async with self._database.tenant(self._scope) as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = tuple(msgspec.convert(row, Collection) for row in rows[:size])
        return Page(items=found, next_cursor=found[-1].name if len(rows) > size else None)

    async def rename(self, collection_id: CollectionId, name: str) -> Collection:
        """Give a collection another name. The default one keeps its own.

        Raises:
            Denied, InvalidRequest, NotFound
            Conflict: the name is taken, or this is the default collection.
        """
        self._require_manager()
        new = _name(name)
        _refuse_default(await self._get(collection_id))
        mine = (visible(collections, self._scope), collections.c.id == collection_id)
        change = update(collections).where(*mine).values(name=new).returning(*_FIELDS)
        try:
            async with self._database.tenant(self._scope) as connection:
                row = (await connection.execute(change)).mappings().one_or_none()
        except Conflict:
            raise _taken() from None
        if row is None:
            raise _unknown(collection_id)
        return msgspec.convert(row, Collection)

    async def delete(
        self, collection_id: CollectionId, *, erase: Callable[[DocumentId], Awaitable[Receipt]] | None = None
    ) -> Receipt:
        """Remove a collection; one with documents only when told how to.

        Args:
            erase: deletes one document with all that belongs to it, whoever's it is. Without it the collection has to
                be empty.

        Raises:
            Denied, NotFound
            Conflict: documents are in the way (the message says how many), or this is the default collection.
        """
        self._require_manager()
        _refuse_default(await self._get(collection_id))
        receipt = Receipt()
        if erase is not None:
            for document_id in await self._documents(collection_id):
                receipt += await erase(document_id)
        await self._delete_empty(collection_id)
        return receipt

    def _require_manager(self) -> None:
        self._scope.require(Verb.WRITE)
        if not self._may_manage:
            raise Denied("only an admin may manage collections")

    async def _get(self, collection_id: CollectionId) -> Collection:
        query = select(*_FIELDS).where(visible(collections, self._scope), collections.c.id == collection_id)
        async with self._database.tenant(self._scope) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise _unknown(collection_id)
        return msgspec.convert(row, Collection)

    async def _documents(self, collection_id: CollectionId) -> tuple[DocumentId, ...]:
        """Everything in the collection, also what is private to others."""
        scope = self._scope.as_service()
        query = select(documents.c.id).where(visible(documents, scope), documents.c.collection_id == collection_id)
        async with self._database.tenant(scope) as connection:
            return tuple(DocumentId(document_id) for document_id in (await connection.execute(query)).scalars())

    async def _delete_empty(self, collection_id: CollectionId) -> None:
        scope = self._scope.as_service()
        mine = (visible(collections, scope), collections.c.id == collection_id)
        inside = select(func.count()).where(visible(documents, scope), documents.c.collection_id == collection_id)
        async with self._database.tenant(scope) as connection:
            # The lock makes a document that is just being added wait, and then fail: it can not slip in behind the count.
            await connection.execute(select(collections.c.id).where(*mine).with_for_update())
            in_the_way = (await connection.execute(inside)).scalar_one()
            if in_the_way:
                raise Conflict(f"the collection still holds {in_the_way} documents: delete or move them first")
            gone = await connection.execute(delete(collections).where(*mine).returning(collections.c.id))
            if gone.one_or_none() is None:
                raise _unknown(collection_id)


async def add_default(connection: AsyncConnection, tenant_id: TenantId) -> None:
    """Insert the collection that every organisation has, where it is not there yet."""
    row = _row(tenant_id, DEFAULT, "")
    await connection.execute(
        insert(collections).values(row).on_conflict_do_nothing(index_elements=["tenant_id", "name"])
    )


def _row(tenant_id: TenantId, name: str, description: str) -> dict[str, object]:
    return {"tenant_id": tenant_id, "id": uuid4(), "name": name, "description": description}


def _name(value: str) -> str:
    name = validation.name(value, field="name", max_characters=100)
    if _as_id(name) is not None:
        raise InvalidRequest("a collection's name can not have the form of an id: choose a word", field="name")
    return name


def _as_id(value: str | UUID) -> CollectionId | None:
    try:
        return CollectionId(value if isinstance(value, UUID) else UUID(value.strip()))
    except ValueError:
        return None


def _refuse_default(collection: Collection) -> None:
    if collection.name == DEFAULT:
        raise Conflict(f"the collection {DEFAULT!r} is where documents go by default: it keeps its name and stays")


def _unknown(collection_id: CollectionId) -> NotFound:
    return NotFound(f"the organisation has no collection {collection_id}")


def _taken() -> Conflict:
    return Conflict("the organisation has a collection of this name already: choose another name")
