"""Tenants with an index, and nothing above it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from index_support import NewTenant, new_organisation

from aura.database.engine import Database
from aura.identity import Scope
from aura.index.tenant_index import TenantIndex
from aura.portal import Portal
from aura.testing.embeddings import HashEmbedding


@pytest.fixture(scope="session")
def embedding() -> HashEmbedding:
    return HashEmbedding()


@pytest.fixture
def new_tenant(database: Database, embedding: HashEmbedding) -> NewTenant:
    async def make() -> TenantIndex:
        return TenantIndex(database, Scope(tenant_id=await new_organisation(database)), embedding)

    return make


@pytest.fixture
async def portal(database: Database) -> AsyncIterator[Portal]:
    portal = Portal(on_close=database.close_loop)
    yield portal
    portal.close()
