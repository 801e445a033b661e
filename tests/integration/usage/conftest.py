"""Two organisations side by side, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from usage_support import PASSWORD, Tenant

from aura.database.engine import Database
from aura.identity import Role, Scope
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.users import Users
from aura.testing.clock import FixedClock


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    """Argon2 with so little work that tests are fast."""
    passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)
    yield passwords
    passwords.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def organisations(database: Database, passwords: Passwords, clock: FixedClock) -> Organisations:
    return Organisations(database, passwords=passwords, clock=clock)


@pytest.fixture
async def acme(database: Database, organisations: Organisations, passwords: Passwords, clock: FixedClock) -> Tenant:
    return await _tenant(database, organisations, passwords, clock, "Acme")


@pytest.fixture
async def globex(database: Database, organisations: Organisations, passwords: Passwords, clock: FixedClock) -> Tenant:
    return await _tenant(database, organisations, passwords, clock, "Globex")


async def _tenant(
    database: Database, organisations: Organisations, passwords: Passwords, clock: FixedClock, name: str
) -> Tenant:
    organisation, admin = await organisations.create(
        organization_name=name,
        subdomain=f"{name.lower()}-{uuid4().hex[:12]}",
        admin_email=f"admin@{name.lower()}.test",
        password=PASSWORD,
    )
    scope = Scope(tenant_id=organisation.id, user_id=admin.id, role=Role.ADMIN)
    return Tenant(
        organisation=organisation,
        admin=admin,
        users=Users(database, scope, passwords=passwords),
        database=database,
        clock=clock,
    )
