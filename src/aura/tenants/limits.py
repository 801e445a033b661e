"""The limits of a plan, kept exactly however many ask at once.

Whoever is about to use up a limit locks the organisation's row first, in the transaction that uses it up, so the next
one counts what this one has added. `FOR NO KEY UPDATE` lets everything else of the tenant go on: inserts into its tables
hold the row for their foreign key, with which this lock does not collide.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.tables import document_versions, organisations, users
from aura.errors import LimitExceeded, NotFound
from aura.identity import Scope, TenantId
from aura.tenants.values import GIGABYTE, Limits, StorageUse

_LIMITS = tuple(organisations.c[name] for name in Limits.__struct_fields__)


async def lock_limits(connection: AsyncConnection, tenant_id: TenantId) -> Limits:
    """The limits of the organisation, whose row stays locked until the transaction ends.

    Raises:
        NotFound: the connection's scope is not of this organisation, or there is none.
    """
    query = select(*_LIMITS).where(organisations.c.id == tenant_id).with_for_update(key_share=True)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no organisation {tenant_id}")
    return msgspec.convert(row, Limits)


async def ensure_seat(connection: AsyncConnection, tenant_id: TenantId) -> None:
    """Refuse one more user where the plan has no seat left. A user who is switched off keeps the seat.

    Raises:
        LimitExceeded: with 0 left.
    """
    limits = await lock_limits(connection, tenant_id)
    count = select(func.count()).select_from(users).where(users.c.tenant_id == tenant_id)
    taken = (await connection.execute(count)).scalar_one()
    if taken >= limits.max_users:
        raise LimitExceeded(
            f"all {limits.max_users} users of the plan are taken, 0 are left: delete one, or ask for a larger plan",
            limit="max_users",
        )


class Storage:
    """How much an organisation stores, everybody's private documents included."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    async def use(self) -> StorageUse:
        """What is used of the plan's storage, and what is left. Cost: one transaction, one row per version read."""
        tenant_id = self._scope.tenant_id
        async with self._database.tenant(self._scope.as_service()) as connection:
            query = select(organisations.c.max_storage_gb).where(organisations.c.id == tenant_id)
            gigabytes = (await connection.execute(query)).scalar_one_or_none()
            if gigabytes is None:
                raise NotFound(f"there is no organisation {tenant_id}")
            return StorageUse(used_bytes=await _stored(connection, tenant_id), max_bytes=gigabytes * GIGABYTE)

    async def ensure_room(self, size_bytes: int, *, connection: AsyncConnection | None = None) -> None:
        """Refuse `size_bytes` more where the plan's storage has no room for them.

        Args:
            connection: a transaction of this scope that is about to insert the document's version. The answer then
                holds until it ends, whoever else asks; so ask shortly before the end. Without it the answer is a
                first look, for before an upload.

        Raises:
            LimitExceeded: `remaining` is what is left, in bytes.
        """
        if connection is None:
            _refuse_overflow(await self.use(), size_bytes)
            return
        limits = await lock_limits(connection, self._scope.tenant_id)
        # Row-level security hides other members' private documents from a member's transaction, but they count. Back at
        # the savepoint, the transaction has its own role again.
        savepoint = await connection.begin_nested()
        try:
            await connection.execute(text("SET LOCAL aura.role = 'service'"))
            used = await _stored(connection, self._scope.tenant_id)
        finally:
            await savepoint.rollback()
        _refuse_overflow(StorageUse(used_bytes=used, max_bytes=limits.max_storage_gb * GIGABYTE), size_bytes)


async def _stored(connection: AsyncConnection, tenant_id: TenantId) -> int:
    total = func.coalesce(func.sum(document_versions.c.size_bytes), 0)
    query = select(total).where(document_versions.c.tenant_id == tenant_id)
    return int((await connection.execute(query)).scalar_one())


def _refuse_overflow(use: StorageUse, size_bytes: int) -> None:
    if size_bytes > use.left_bytes:
        raise LimitExceeded(
            f"this needs {size_bytes:,} bytes, and {use.left_bytes:,} of the plan's {use.max_bytes // GIGABYTE:,} GB are"
            " left: delete documents, or ask for a larger plan",
            limit="max_storage_gb",
            remaining=use.left_bytes,
        )
