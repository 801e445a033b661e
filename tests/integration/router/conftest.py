"""Two organisations whose calls are charged."""

from __future__ import annotations

from uuid import uuid4

import pytest

from aura.database.engine import Database
from aura.identity import Role, Scope
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.testing.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


async def _scope(database: Database, clock: FixedClock, name: str) -> Scope:
    passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)
    try:
        organisation, admin = await Organisations(database, passwords=passwords, clock=clock).create(
            organization_name=name,
            subdomain=f"{name.lower()}-{uuid4().hex[:12]}",
            admin_email=f"admin@{name.lower()}.test",
            password="correct horse battery",
        )
    finally:
        passwords.close()
    return Scope(tenant_id=organisation.id, user_id=admin.id, role=Role.ADMIN)


@pytest.fixture
async def acme(database: Database, clock: FixedClock) -> Scope:
    return await _scope(database, clock, "Acme")


@pytest.fixture
async def globex(database: Database, clock: FixedClock) -> Scope:
    return await _scope(database, clock, "Globex")
