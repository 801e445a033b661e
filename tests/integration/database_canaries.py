"""Organisations with rows that name them, for tests: whoever reads another one's name has found a leak. And a place."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select

from aura.database.engine import Database
from aura.database.tables import collections, conversations, organisations
from aura.identity import Scope, TenantId, UserId


@contextmanager
def place() -> Generator[Path]:
    """A folder for a server of a test's own.

    pytest closes the folder above its own temporary ones at each start of another pytest; a server that root runs as
    another user is then cut off from its files.
    """
    with tempfile.TemporaryDirectory(prefix="aura-tests-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


async def add_organisation(database: Database) -> Scope:
    """A new organisation with one collection and one conversation whose texts are its own id; seen by one member."""
    tenant_id, user_id = uuid4(), uuid4()
    async with database.system() as connection:
        await connection.execute(
            insert(organisations).values(
                id=tenant_id,
                organization_name=f"canary {tenant_id}",
                subdomain=f"canary-{tenant_id}",
                admin_email=f"admin@{tenant_id}.test",
                subscription_tier="free",
                max_users=1,
                max_storage_gb=1,
                max_api_calls_monthly=1,
            )
        )
    scope = Scope(tenant_id=TenantId(tenant_id), user_id=UserId(user_id))
    async with database.tenant(scope) as connection:
        await connection.execute(insert(collections).values(tenant_id=tenant_id, id=uuid4(), name=str(tenant_id)))
        await connection.execute(
            insert(conversations).values(tenant_id=tenant_id, id=uuid4(), user_id=user_id, title=str(tenant_id))
        )
    return scope


@asynccontextmanager
async def organisations_of(database: Database, count: int) -> AsyncGenerator[list[Scope]]:
    """`count` organisations for one test."""
    scopes = [await add_organisation(database) for _ in range(count)]
    try:
        yield scopes
    finally:
        async with database.system() as connection:
            ids: list[UUID] = [scope.tenant_id for scope in scopes]
            await connection.execute(delete(organisations).where(organisations.c.id.in_(ids)))


async def sight(database: Database, scope: Scope) -> set[str]:
    """The canaries that a scope sees when no statement names a tenant."""
    async with database.tenant(scope) as connection:
        names = (await connection.execute(select(collections.c.name))).scalars().all()
        titles = (await connection.execute(select(conversations.c.title))).scalars().all()
        assert len(names) == len(set(names))
        return {*names, *titles}
