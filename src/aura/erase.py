"""Erasing a whole organisation: every row, vector and file, with a receipt."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.tables import APPEND_ONLY_TABLES, TENANT_TABLES, index_table, ingest_tasks
from aura.documents.files import Files
from aura.documents.values import Receipt
from aura.identity import Scope, TenantId
from aura.index.generations import index_lock
from aura.tenants.organisations import Organisations

_COUNTED = {
    "documents": "documents",
    "chunks": "chunks",
    "vector_cache": "cache_entries",
    "users": "users",
    "conversations": "conversations",
    "messages": "messages",
    "facts": "facts",
    "summaries": "summaries",
    "responses": "responses",
    "memory_entries": "vectors",
    "personas": "persona",
    "persona_signals": "persona",
}
_DEDICATED = "index_g_"
_INDEX_TABLES = text(
    """
    SELECT relname::text FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace AND (
      relkind = 'p' AND relname ~ '^index_[0-9]+$'
      OR relkind = 'r' AND starts_with(relname, 'index_g_')
        AND pg_catalog.obj_description(oid, 'pg_class') = CAST(:tenant_id AS text))
    ORDER BY 1
    """
)
"""The shared ones, and the tenant's own, which say in a comment whose they are."""


async def erase_tenant(database: Database, files: Files, organisations: Organisations, scope: Scope) -> Receipt:
    """Erase the scope's organisation, also while its members go on working. Where it is cut off, it can be called again.

    Raises:
        NotFound: there is no such organisation.
        Unavailable: the database is away, or a member's change came in the way: call it again.
    """
    scope, tenant_id = scope.as_service(), scope.tenant_id
    await organisations.get(tenant_id)
    async with database.tenant(
        scope
    ) as session:  # first and by itself: workers see it and stop, and nobody waits in a ring
        await session.execute(delete(ingest_tasks).where(ingest_tasks.c.tenant_id == tenant_id))
    async with database.tenant(scope) as session, index_lock(session, tenant_id):
        vectors = await _erase_vectors(session, tenant_id)
        counted = await _erase_rows(session, tenant_id)
        counted["vectors"] += vectors
    await organisations.delete(tenant_id)
    # What was written since was lost to that delete, and nothing can be written any more; but to vectors and files no
    # foreign key leads.
    async with database.tenant(scope) as session:
        counted["vectors"] += await _erase_vectors(session, tenant_id)
    return Receipt(**counted, files=await files.remove_tenant(tenant_id))


async def _erase_rows(session: AsyncConnection, tenant_id: TenantId) -> dict[str, int]:
    counted: dict[str, int] = {}
    for table in reversed(TENANT_TABLES):
        if table.name in APPEND_ONLY_TABLES:
            continue  # goes with the organisation's own row
        gone = await session.execute(delete(table).where(table.c.tenant_id == tenant_id))
        if table.name in _COUNTED:
            counted[_COUNTED[table.name]] = counted.get(_COUNTED[table.name], 0) + gone.rowcount
    return counted


async def _erase_vectors(session: AsyncConnection, tenant_id: TenantId) -> int:
    """Remove the tenant from every index table, and the tables that it has to itself; how many vectors that were."""
    count = 0
    for name in await session.scalars(_INDEX_TABLES, {"tenant_id": str(tenant_id)}):
        index = index_table(name)
        count += (await session.execute(delete(index).where(index.c.tenant_id == tenant_id))).rowcount
        if name.startswith(_DEDICATED):
            await session.execute(select(func.aura_drop_dedicated_index(UUID(name.removeprefix(_DEDICATED)))))
    return count
