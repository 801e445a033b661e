"""Logging in, and what a failed login does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from tenants_support import PASSWORD, Tenant

from aura.database.engine import Database
from aura.database.tables import users
from aura.errors import Unauthenticated
from aura.tenants.logins import Logins
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords, Verdict
from aura.tenants.values import PlanChanges, UserChanges
from aura.testing.clock import FixedClock


class CountingPasswords(Passwords):
    """Counts the checks it makes."""

    checks = 0

    async def verify(self, password: str, stored_hash: str | None) -> Verdict:
        self.checks += 1
        return await super().verify(password, stored_hash)


@pytest.fixture
def passwords() -> Iterator[CountingPasswords]:
    passwords = CountingPasswords(threads=2, memory_kib=8, passes=1, lanes=1)
    yield passwords
    passwords.close()


async def test_the_right_credentials_open_the_account(logins: Logins, acme: Tenant) -> None:
    opened = await logins.verify(acme.organisation.subdomain.upper(), "ADMIN@acme.test", PASSWORD)
    assert opened == (acme.organisation, acme.admin)


async def test_the_same_address_and_password_open_the_account_of_the_organisation_that_is_named(
    logins: Logins, acme: Tenant, globex: Tenant
) -> None:
    for tenant in (acme, globex):
        await tenant.users.add(email="bob@both.test", password=PASSWORD)
    organisation, user = await logins.verify(globex.organisation.subdomain, "bob@both.test", PASSWORD)
    assert organisation == globex.organisation
    assert user == await globex.users.by_email("bob@both.test")


async def test_every_failure_has_the_same_message_and_costs_one_check(
    logins: Logins,
    organisations: Organisations,
    acme: Tenant,
    globex: Tenant,
    clock: FixedClock,
    passwords: CountingPasswords,
) -> None:
    here = acme.organisation.subdomain
    off = await acme.users.add(email="off@acme.test", password=PASSWORD)
    await acme.users.update(off.id, UserChanges(is_active=False))
    await organisations.set_plan(globex.id, PlanChanges(expires_at=clock.now() - timedelta(days=1)))
    failures = {
        "wrong password": (here, acme.admin.email, "not the password"),
        "empty password": (here, acme.admin.email, ""),
        "unknown address": (here, "nobody@acme.test", PASSWORD),
        "address of another organisation": (here, globex.admin.email, PASSWORD),
        "unknown organisation": ("nobody-has-this", acme.admin.email, PASSWORD),
        "no address": (here, "\0", PASSWORD),
        "no sub-domain": ("' OR 1=1", acme.admin.email, PASSWORD),
        "switched off": (here, off.email, PASSWORD),
        "expired organisation": (globex.organisation.subdomain, globex.admin.email, PASSWORD),
    }
    messages: dict[str, str] = {}
    for name, credentials in failures.items():
        before = passwords.checks
        with pytest.raises(Unauthenticated) as denied:
            await logins.verify(*credentials)
        messages[name] = str(denied.value)
        assert passwords.checks == before + 1, name
    assert len(set(messages.values())) == 1, messages


async def test_a_user_who_was_deleted_is_denied(logins: Logins, acme: Tenant) -> None:
    bob = await acme.users.add(email="bob@acme.test", password=PASSWORD)
    await logins.verify(acme.organisation.subdomain, bob.email, PASSWORD)
    await acme.users.delete(bob.id)
    with pytest.raises(Unauthenticated):
        await logins.verify(acme.organisation.subdomain, bob.email, PASSWORD)


async def test_a_login_renews_a_hash_that_was_made_with_less_work(
    database: Database, acme: Tenant, clock: FixedClock
) -> None:
    stronger = Passwords(threads=1, memory_kib=16, passes=2, lanes=1)
    logins = Logins(database, passwords=stronger, clock=clock)
    before = await _stored_hash(acme)
    await logins.verify(acme.organisation.subdomain, acme.admin.email, PASSWORD)
    renewed = await _stored_hash(acme)
    await logins.verify(acme.organisation.subdomain, acme.admin.email, PASSWORD)
    assert "m=8,t=1" in before
    assert "m=16,t=2" in renewed
    assert await _stored_hash(acme) == renewed
    stronger.close()


async def _stored_hash(tenant: Tenant) -> str:
    async with tenant.database.tenant(tenant.scope) as connection:
        return (await connection.execute(select(users.c.password_hash))).scalar_one()
