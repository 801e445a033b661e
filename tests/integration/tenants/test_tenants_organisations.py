"""Organisations: made whole or not at all, found, changed, switched off and removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from tenants_support import PASSWORD, Tenant

from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.tables import TENANT_TABLES, conversations, messages
from aura.database.tables import organisations as table
from aura.errors import Conflict, Denied, InvalidRequest, NotFound, Unavailable
from aura.identity import Role, Scope, TenantId
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.values import OrganisationChanges, PlanChanges, Tier
from aura.testing.clock import FixedClock


def request(label: str, **changes: object) -> dict[str, object]:
    """A sign-up for the sub-domain `label`."""
    signup = {"organization_name": "Initech", "subdomain": label, "admin_email": "Ada@Initech.test"}
    return {**signup, "password": PASSWORD, **changes}


class FailingDatabase(Database):
    """A database whose tenant transactions meet `fault` after their work and before they commit."""

    def __init__(self, server: EmbeddedServer, fault: Callable[[], Awaitable[None]]) -> None:
        super().__init__(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
        self._fault = fault

    @asynccontextmanager
    async def tenant(self, scope: Scope) -> AsyncGenerator[AsyncConnection]:
        async with super().tenant(scope) as connection:
            yield connection
            await self._fault()


async def test_a_new_organisation_has_its_tier_s_limits_an_admin_and_a_default_collection(
    organisations: Organisations, database: Database, subdomain: str
) -> None:
    organisation, admin = await organisations.create(**request(subdomain, name="Ada"))
    assert (organisation.organization_name, organisation.subdomain) == ("Initech", subdomain)
    assert (organisation.max_users, organisation.max_storage_gb, organisation.max_api_calls_monthly) == (10, 10, 10_000)
    assert organisation.is_active
    assert organisation.expires_at is None
    assert (admin.email, admin.role, admin.name) == ("ada@initech.test", Role.ADMIN, "Ada")
    assert admin.may_administer
    async with database.tenant(Scope(tenant_id=organisation.id)) as connection:
        names = (await connection.exec_driver_sql("SELECT name FROM collections")).scalars().all()
    assert names == ["general"]


async def test_a_tier_brings_its_limits_and_a_plan_overrides_some(organisations: Organisations, subdomain: str) -> None:
    plan = PlanChanges(max_users=3, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    organisation, _ = await organisations.create(**request(subdomain, subscription_tier="premium", plan=plan))
    assert organisation.subscription_tier is Tier.PREMIUM
    assert (organisation.max_users, organisation.max_storage_gb) == (3, Tier.PREMIUM.limits.max_storage_gb)
    assert organisation.expires_at == datetime(2030, 1, 1, tzinfo=UTC)


async def test_an_organisation_is_found_by_its_id_and_by_its_sub_domain_in_any_case(
    organisations: Organisations, acme: Tenant
) -> None:
    assert await organisations.get(acme.id) == acme.organisation
    assert await organisations.by_subdomain(acme.organisation.subdomain.upper()) == acme.organisation


@pytest.mark.parametrize("subdomain", ["nobody-has-this", "", "a\0b", "x' OR '1'='1", "ä", "a" * 70])
async def test_an_unknown_sub_domain_is_not_found(organisations: Organisations, subdomain: str) -> None:
    with pytest.raises(NotFound):
        await organisations.by_subdomain(subdomain)


async def test_an_unknown_organisation_is_not_found(organisations: Organisations) -> None:
    unknown = TenantId(uuid4())
    for attempt in (
        organisations.get(unknown),
        organisations.update(unknown, OrganisationChanges(organization_name="x")),
        organisations.set_active(unknown, False),
        organisations.delete(unknown),
    ):
        with pytest.raises(NotFound):
            await attempt


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subdomain", "Acme"),
        ("subdomain", "www"),
        ("admin_email", "nobody"),
        ("organization_name", "  "),
        ("password", "short"),
        ("name", "two\nlines"),
        ("subscription_tier", "gold"),
    ],
)
async def test_a_refused_field_is_named_and_nothing_is_made(
    organisations: Organisations, database: Database, subdomain: str, field: str, value: str
) -> None:
    before = await _count(database)
    with pytest.raises(InvalidRequest) as refused:
        await organisations.create(**request(subdomain, **{field: value}))
    assert refused.value.field == field
    assert await _count(database) == before


async def test_a_taken_sub_domain_is_a_conflict(organisations: Organisations, acme: Tenant) -> None:
    with pytest.raises(Conflict, match="taken"):
        await organisations.create(**request(acme.organisation.subdomain))
    assert await organisations.get(acme.id) == acme.organisation


async def test_of_ten_that_want_one_sub_domain_at_once_one_gets_it(
    organisations: Organisations, database: Database, subdomain: str
) -> None:
    before = await _count(database)
    outcomes = await asyncio.gather(
        *(organisations.create(**request(subdomain)) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 9
    assert await _count(database) == before + 1


async def test_a_failure_half_way_leaves_nothing_behind(
    server: EmbeddedServer, organisations: Organisations, passwords: Passwords, subdomain: str
) -> None:
    async def fault() -> None:
        raise Unavailable("the disk is full")

    failing = FailingDatabase(server, fault)
    with pytest.raises(Unavailable, match="the disk is full"):
        await Organisations(failing, passwords=passwords).create(**request(subdomain))
    await failing.close()
    with pytest.raises(NotFound):
        await organisations.by_subdomain(subdomain)
    await organisations.create(**request(subdomain))


async def test_a_cancelled_creation_leaves_nothing_behind(
    server: EmbeddedServer, organisations: Organisations, passwords: Passwords, subdomain: str
) -> None:
    reached = asyncio.Event()

    async def fault() -> None:
        reached.set()
        await asyncio.sleep(60)

    failing = FailingDatabase(server, fault)
    creation = asyncio.create_task(Organisations(failing, passwords=passwords).create(**request(subdomain)))
    await reached.wait()
    creation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creation
    await failing.close()
    with pytest.raises(NotFound):
        await organisations.by_subdomain(subdomain)


async def test_nobody_sees_an_organisation_as_active_before_it_has_its_admin(
    server: EmbeddedServer, organisations: Organisations, passwords: Passwords, subdomain: str
) -> None:
    seen: list[bool] = []

    async def fault() -> None:
        seen.append((await organisations.by_subdomain(subdomain)).is_active)

    slow = FailingDatabase(server, fault)
    made, _ = await Organisations(slow, passwords=passwords).create(**request(subdomain))
    await slow.close()
    assert seen == [False]
    assert made.is_active


@pytest.mark.parametrize(("minutes", "free"), [(11, True), (9, False)])
async def test_what_a_killed_process_left_behind_frees_its_sub_domain_after_ten_minutes(
    organisations: Organisations, database: Database, subdomain: str, minutes: int, free: bool
) -> None:
    left_over = {
        "id": uuid4(),
        "organization_name": "Initech",
        "subdomain": subdomain,
        "admin_email": "ada@initech.test",
        "subscription_tier": "standard",
        "max_users": 10,
        "max_storage_gb": 10,
        "max_api_calls_monthly": 10_000,
        "is_active": False,
        "created_at": datetime.now(UTC) - timedelta(minutes=minutes),
    }
    async with database.system() as connection:
        await connection.execute(insert(table).values(left_over))
    if free:
        await organisations.create(**request(subdomain))
    else:
        with pytest.raises(Conflict):
            await organisations.create(**request(subdomain))


async def test_an_old_organisation_that_is_switched_off_keeps_its_sub_domain(
    organisations: Organisations, database: Database, acme: Tenant
) -> None:
    await organisations.set_active(acme.id, False)
    async with database.system() as connection:
        await connection.execute(
            table.update().where(table.c.id == acme.id).values(created_at=datetime(2020, 1, 1, tzinfo=UTC))
        )
    with pytest.raises(Conflict):
        await organisations.create(**request(acme.organisation.subdomain))


async def test_a_list_is_walked_page_by_page_without_gaps_or_repeats(
    organisations: Organisations, subdomain: str
) -> None:
    made = [(await organisations.create(**request(f"{subdomain}-{n}")))[0].subdomain for n in range(5)]
    found: list[str] = []
    cursor: str | None = subdomain
    while cursor is not None and len(found) < 5:
        page = await organisations.list(limit=2, cursor=cursor)
        found += [organisation.subdomain for organisation in page.items]
        cursor = page.next_cursor
    assert found[:5] == made


async def test_the_last_page_has_no_cursor(organisations: Organisations, acme: Tenant) -> None:
    last = await organisations.list(limit=1000, cursor="zzzzzzzz")
    assert (last.items, last.next_cursor) == ((), None)


async def test_changes_are_kept_and_what_is_left_out_stays(organisations: Organisations, acme: Tenant) -> None:
    changed = await organisations.update(
        acme.id,
        OrganisationChanges(
            organization_name="Acme & Söhne",
            custom_settings={"greeting": "Hi'; --", "nested": {"a": [1, None]}},
            brand_colors={"primary": "#0a5fd7"},
            custom_logo="https://acme.test/logo.png",
        ),
    )
    assert changed == await organisations.get(acme.id)
    assert changed.organization_name == "Acme & Söhne"
    assert changed.custom_settings == {"greeting": "Hi'; --", "nested": {"a": [1, None]}}
    assert changed.brand_colors == {"primary": "#0a5fd7"}
    assert (changed.custom_logo, changed.admin_email) == ("https://acme.test/logo.png", acme.organisation.admin_email)
    cleared = await organisations.update(acme.id, OrganisationChanges(custom_logo=None))
    assert cleared.custom_logo is None
    assert cleared.brand_colors == changed.brand_colors


async def test_a_change_of_nothing_returns_what_is_there(organisations: Organisations, acme: Tenant) -> None:
    assert await organisations.update(acme.id, OrganisationChanges()) == acme.organisation


async def test_a_new_tier_brings_its_limits_but_for_those_given_with_it(
    organisations: Organisations, acme: Tenant
) -> None:
    changed = await organisations.set_plan(acme.id, PlanChanges(subscription_tier=Tier.ENTERPRISE, max_users=7))
    assert (changed.subscription_tier, changed.max_users) == (Tier.ENTERPRISE, 7)
    assert changed.max_storage_gb == Tier.ENTERPRISE.limits.max_storage_gb


async def test_a_change_of_one_organisation_leaves_the_other_alone(
    organisations: Organisations, acme: Tenant, globex: Tenant
) -> None:
    await organisations.update(
        acme.id, OrganisationChanges(organization_name="Renamed", custom_logo="https://a.test/l.png")
    )
    await organisations.set_active(acme.id, False)
    assert await organisations.get(globex.id) == globex.organisation


async def test_an_organisation_that_is_switched_off_is_denied(organisations: Organisations, acme: Tenant) -> None:
    organisations.ensure_active(acme.organisation)
    with pytest.raises(Denied, match="switched off"):
        organisations.ensure_active(await organisations.set_active(acme.id, False))
    organisations.ensure_active(await organisations.set_active(acme.id, True))


async def test_an_organisation_is_denied_from_the_moment_it_expires(
    organisations: Organisations, acme: Tenant, clock: FixedClock
) -> None:
    end = clock.now() + timedelta(days=1)
    expiring = await organisations.set_plan(acme.id, PlanChanges(expires_at=end))
    clock.set(end - timedelta(microseconds=1))
    organisations.ensure_active(expiring)
    clock.set(end)
    with pytest.raises(Denied, match="ended"):
        organisations.ensure_active(expiring)


async def test_deleting_an_organisation_removes_every_row_of_it_and_none_of_another(
    organisations: Organisations, server: EmbeddedServer, acme: Tenant, globex: Tenant
) -> None:
    for tenant in (acme, globex):
        await tenant.provider_keys.set("openai", "sk-1")
        general = await tenant.collections.default()
        await tenant.add_document(general.id)
        await tenant.add_document(general.id, private_to=tenant.admin.id)
        async with tenant.database.tenant(tenant.scope) as connection:
            talk = {"tenant_id": tenant.id, "user_id": tenant.admin.id}
            conversation_id = uuid4()
            await connection.execute(insert(conversations).values(**talk, id=conversation_id))
            said = {"id": uuid4(), "conversation_id": conversation_id, "role": "user", "text": "hello"}
            await connection.execute(insert(messages).values(**talk, **said))
    await organisations.delete(acme.id)
    remaining = {tenant.id: await _rows_of(server, tenant.id) for tenant in (acme, globex)}
    assert remaining[acme.id] == {}
    assert set(remaining[globex.id]) >= {"users", "collections", "documents", "document_versions", "provider_keys"}
    assert await organisations.get(globex.id) == globex.organisation


async def _rows_of(server: EmbeddedServer, tenant_id: TenantId) -> dict[str, int]:
    """Rows of each table that name the tenant, seen by the superuser: no policy can hide one."""
    counts: dict[str, int] = {}
    async with await psycopg.AsyncConnection.connect(server.url("postgres"), autocommit=True) as connection:
        for name in [t.name for t in TENANT_TABLES]:
            query = f"SELECT count(*) FROM {name} WHERE tenant_id = %s"
            found = await (await connection.execute(query, [tenant_id])).fetchone()
            counts[name] = found[0] if found else 0
    return {name: count for name, count in counts.items() if count}


async def _count(database: Database) -> int:
    async with database.system() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()
