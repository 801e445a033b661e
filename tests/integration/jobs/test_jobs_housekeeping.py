"""What is done by the clock: what has had its time goes, in every tenant, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from jobs_support import organisation
from sqlalchemy import func, insert, select, update

from aura import Aura, Workspace
from aura.clock import Clock
from aura.database.engine import Database
from aura.database.tables import conversations, counters, organisations, sessions, tickets
from aura.errors import Unavailable
from aura.jobs.housekeeping import DUTIES, Duty, Housekeeping, Tenant
from aura.testing.clock import FixedClock

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def keep_for(database: Database, workspace: Workspace, days: object) -> None:
    async with database.system() as session:
        row = update(organisations).where(organisations.c.id == workspace.scope.tenant_id)
        await session.execute(row.values(custom_settings={"retention_days": days}))


async def talks(database: Database, workspace: Workspace) -> int:
    async with database.tenant(workspace.scope.as_service()) as session:
        query = select(func.count()).select_from(conversations)
        return await session.scalar(query.where(conversations.c.tenant_id == workspace.scope.tenant_id)) or 0


async def test_conversations_go_when_they_rested_for_as_long_as_their_organisation_keeps_them(
    aura: Aura, acme: Workspace, records: Database
) -> None:
    forever, odd = await organisation(aura), await organisation(aura)
    await keep_for(records, acme, 30)
    await keep_for(records, odd, "soon")
    for workspace in (acme, forever, odd):
        await workspace.conversations.start()
    clock = FixedClock(datetime.now(UTC) + timedelta(days=29))
    house = Housekeeping(records, clock=clock, duties=DUTIES)
    await house.run()
    assert await talks(records, acme) == 1
    clock.advance(timedelta(days=2))
    assert (await house.run())["conversations"] >= 1
    assert [await talks(records, w) for w in (acme, forever, odd)] == [0, 1, 1]


async def test_sessions_tickets_and_counters_go_when_their_time_is_over_and_not_before(
    aura: Aura, acme: Workspace, records: Database
) -> None:
    tenant, now = acme.scope.tenant_id, datetime.now(UTC)
    user = (await acme.users.list()).items[0]
    async with records.tenant(acme.scope.as_service()) as session:
        for hours in (1, 100):
            ends = {"tenant_id": tenant, "id": uuid4(), "expires_at": now + timedelta(hours=hours)}
            await session.execute(insert(sessions).values(**ends, user_id=user.id, token_sha256=b"x"))
            await session.execute(insert(tickets).values(**ends, user_id=user.id, secret_sha256=b"x"))
        for days in (0, 100):
            start = now - timedelta(days=days)
            row = {"tenant_id": tenant, "subject": "tenant", "name": f"calls{days}", "window_start": start, "used": 1}
            await session.execute(insert(counters).values(row))
    clock = FixedClock(now + timedelta(hours=50))
    await Housekeeping(records, clock=clock, duties=DUTIES).run()
    async with records.tenant(acme.scope.as_service()) as session:
        left = [
            await session.scalar(select(func.count()).select_from(t).where(t.c.tenant_id == tenant))
            for t in (sessions, tickets, counters)
        ]
    assert left == [1, 1, 1]


async def test_one_tenants_trouble_stops_no_other(aura: Aura, acme: Workspace, records: Database) -> None:
    globex = await organisation(aura)
    seen: list[object] = []

    async def duty(_: Database, tenant: Tenant, clock: Clock) -> int:
        seen.append(tenant.id)
        raise ValueError("an error that nobody thought of")

    async def away(_: Database, tenant: Tenant, clock: Clock) -> int:
        raise Unavailable("away")

    async def after(_: Database, tenant: Tenant, clock: Clock) -> int:
        return 1

    duties = (Duty(name="bad", run=duty), Duty(name="away", run=away), Duty(name="after", run=after))
    done = await Housekeeping(records, clock=aura._parts.clock, duties=duties).run()
    assert {acme.scope.tenant_id, globex.scope.tenant_id} <= set(seen)
    assert done["after"] == len(seen)
    assert done["bad"] == 0


async def test_the_worker_keeps_house_when_it_starts(aura: Aura, acme: Workspace, records: Database) -> None:
    from jobs_support import until, working

    async with records.tenant(acme.scope.as_service()) as session:
        start = datetime.now(UTC) - timedelta(days=100)
        row = {"tenant_id": acme.scope.tenant_id, "subject": "tenant", "name": "old", "window_start": start, "used": 1}
        await session.execute(insert(counters).values(row))

    async def gone() -> bool:
        async with records.tenant(acme.scope.as_service()) as session:
            query = select(func.count()).select_from(counters).where(counters.c.tenant_id == acme.scope.tenant_id)
            return await session.scalar(query) == 0

    async with working(aura):
        await until(gone)
