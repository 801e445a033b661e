"""Quotas: counted before the work, all or none, exactly, however many ask at once and from however many processes."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from usage_support import PASSWORD, Key, Tenant

from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.scopes import application_filter
from aura.errors import LimitExceeded
from aura.settings import Settings
from aura.tenants.organisations import Organisations
from aura.tenants.values import PlanChanges
from aura.testing.clock import FixedClock
from aura.usage.quotas import Charge, Limit, Quotas, purge_counters

GENEROUS = Settings(requests_per_minute=10_000, user_requests_per_minute=10_000)
RACER = Path(__file__).with_name("usage_racer.py")


async def with_calls(organisations: Organisations, tenant: Tenant, calls: int) -> Tenant:
    """The same organisation with a plan of so many calls a month."""
    organisation = await organisations.set_plan(tenant.organisation.id, PlanChanges(max_api_calls_monthly=calls))
    return replace(tenant, organisation=organisation)


async def outcomes(quotas: Quotas, charge: Charge, tries: int) -> tuple[int, int]:
    """How many of `tries` at once pass, and how many are refused."""
    results = await asyncio.gather(*(quotas.take(charge) for _ in range(tries)), return_exceptions=True)
    refused = sum(isinstance(result, LimitExceeded) for result in results)
    passed = sum(isinstance(result, tuple) for result in results)
    assert passed + refused == tries, [r for r in results if not isinstance(r, tuple | LimitExceeded)]
    return passed, refused


async def test_of_a_hundred_calls_at_once_with_ten_left_exactly_ten_pass(
    organisations: Organisations, acme: Tenant
) -> None:
    acme = await with_calls(organisations, acme, 13)
    await acme.quotas().take(Charge.CALL, amount=3)

    assert await outcomes(acme.quotas(), Charge.CALL, 100) == (10, 90)
    assert await acme.counted() == [("tenant", "monthly_calls", 13)]


async def test_of_a_hundred_calls_from_two_processes_with_ten_left_exactly_ten_pass(
    organisations: Organisations, acme: Tenant, server: EmbeddedServer
) -> None:
    acme = await with_calls(organisations, acme, 10)
    told = json.dumps(
        {
            "app_url": server.url("aura_app"),
            "system_url": server.url("aura_system"),
            "organisation": msgspec.to_builtins(acme.organisation),
            "tries": 50,
        }
    )
    racers = [await asyncio.create_subprocess_exec(sys.executable, RACER, stdin=PIPE, stdout=PIPE) for _ in range(2)]
    try:
        for racer in racers:
            assert racer.stdin is not None
            assert racer.stdout is not None
            racer.stdin.write(told.encode() + b"\n")
            assert await racer.stdout.readline() == b"ready\n"
        ends = await asyncio.gather(*(racer.communicate(b"go\n") for racer in racers))
    finally:
        for racer in racers:
            if racer.returncode is None:
                racer.kill()
                await racer.wait()

    counts = [json.loads(out) for out, _ in ends]
    assert sum(count["passed"] for count in counts) == 10
    assert sum(count["refused"] for count in counts) == 90
    assert await acme.counted() == [("tenant", "monthly_calls", 10)]


async def test_what_one_quota_refuses_is_counted_on_none(acme: Tenant) -> None:
    for _ in range(3):
        await acme.quotas(acme.admin.id).take(Charge.REQUEST)
    before = await acme.counted()

    with pytest.raises(LimitExceeded) as refused:
        await acme.quotas(acme.admin.id).take(Charge.CALL, Charge.REQUEST)

    assert refused.value.limit == Limit.REQUESTS_PER_MINUTE
    assert await acme.counted() == before
    await acme.quotas().take(Charge.REQUEST)  # the organisation has two left


async def test_callers_of_one_organisation_in_any_order_meet_no_deadlock(acme: Tenant) -> None:
    people = [
        acme.admin.id,
        *[(await acme.users.add(email=f"u{n}@acme.test", password=PASSWORD)).id for n in range(3)],
    ]
    key = Key(id=uuid4(), monthly_calls=1000, requests_per_minute=1000)
    callers = [acme.quotas(person, settings=GENEROUS) for person in people]
    callers += [acme.quotas(people[1], key=key, settings=GENEROUS)]
    orders = [(Charge.REQUEST, Charge.CALL), (Charge.CALL, Charge.REQUEST), (Charge.UPLOAD, Charge.REQUEST)]

    await asyncio.gather(*(callers[n % 5].take(*orders[n % 3]) for n in range(90)))

    counted = {(subject, name): used for subject, name, used in await acme.counted()}
    assert counted["tenant", "requests_per_minute"] == 90
    assert counted["tenant", "monthly_calls"] == 60
    assert counted[f"key:{key.id}", "requests_per_minute"] == 18


async def test_a_key_is_held_to_its_own_numbers_and_to_the_organisation_s(acme: Tenant) -> None:
    key = Key(id=uuid4(), monthly_calls=2, requests_per_minute=4)
    quotas = acme.quotas(acme.admin.id, key=key)

    assert await outcomes(quotas, Charge.REQUEST, 6) == (4, 2)
    assert await outcomes(quotas, Charge.CALL, 6) == (2, 4)
    assert await outcomes(acme.quotas(acme.admin.id), Charge.REQUEST, 6) == (1, 5)  # the fifth of the organisation


async def test_a_key_without_numbers_counts_as_its_maker(acme: Tenant) -> None:
    assert await outcomes(acme.quotas(acme.admin.id, key=Key(id=uuid4())), Charge.REQUEST, 6) == (3, 3)


async def test_uploads_are_counted_by_the_hour(acme: Tenant, clock: FixedClock) -> None:
    assert await outcomes(acme.quotas(acme.admin.id), Charge.UPLOAD, 5) == (2, 3)
    assert await outcomes(acme.quotas(), Charge.UPLOAD, 5) == (2, 3)
    clock.advance(timedelta(hours=1))
    assert await outcomes(acme.quotas(), Charge.UPLOAD, 5) == (4, 1)


@pytest.mark.parametrize(
    ("last", "renews"),
    [
        (datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
async def test_a_month_of_calls_renews_with_the_calendar_month_in_utc(
    organisations: Organisations, acme: Tenant, clock: FixedClock, last: datetime, renews: datetime
) -> None:
    acme = await with_calls(organisations, acme, 1)
    clock.set(last)
    [allowance] = await acme.quotas().take(Charge.CALL)
    assert (allowance.remaining, allowance.renews_at) == (0, renews)
    with pytest.raises(LimitExceeded) as refused:
        await acme.quotas().take(Charge.CALL)
    assert (refused.value.remaining, refused.value.renews_at) == (0, renews)
    assert renews.strftime("%Y-%m-%d") in str(refused.value)

    clock.set(renews)
    await acme.quotas().take(Charge.CALL)


async def test_a_minute_renews_at_the_full_minute(acme: Tenant, clock: FixedClock) -> None:
    clock.set(datetime(2026, 5, 5, 10, 0, 59, tzinfo=UTC))
    assert await outcomes(acme.quotas(), Charge.REQUEST, 9) == (5, 4)
    clock.advance(timedelta(seconds=1))
    assert await outcomes(acme.quotas(), Charge.REQUEST, 9) == (5, 4)


async def test_who_asks_for_more_than_is_left_is_told_what_is(organisations: Organisations, acme: Tenant) -> None:
    acme = await with_calls(organisations, acme, 10)
    await acme.quotas().take(Charge.CALL, amount=7)
    with pytest.raises(LimitExceeded) as refused:
        await acme.quotas().take(Charge.CALL, amount=4)
    assert refused.value.remaining == 3
    await acme.quotas().take(Charge.CALL, amount=3)


async def test_a_plan_that_was_made_smaller_leaves_nothing(organisations: Organisations, acme: Tenant) -> None:
    await acme.quotas().take(Charge.CALL, amount=7)
    acme = await with_calls(organisations, acme, 5)
    with pytest.raises(LimitExceeded) as refused:
        await acme.quotas().take(Charge.CALL)
    assert refused.value.remaining == 0


async def test_what_is_left_of_everything_can_be_read_without_using_any(acme: Tenant) -> None:
    key = Key(id=uuid4(), monthly_calls=9)
    quotas = acme.quotas(acme.admin.id, key=key)
    await quotas.take(Charge.REQUEST, Charge.CALL)
    before = await acme.counted()

    found = {(a.limit.value, a.subject.partition(":")[0]): (a.used, a.maximum) for a in await quotas.remaining()}

    assert found == {
        ("requests_per_minute", "tenant"): (1, 5),
        ("requests_per_minute", "user"): (1, 3),
        ("uploads_per_hour", "tenant"): (0, 4),
        ("uploads_per_hour", "user"): (0, 2),
        ("monthly_calls", "tenant"): (1, 10_000),
        ("monthly_calls", "key"): (1, 9),
        ("max_users", "tenant"): (1, 10),
        ("max_storage_gb", "tenant"): (0, 10 * 1024**3),
    }
    assert await acme.counted() == before


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_an_organisation_uses_up_nothing_of_another(acme: Tenant, globex: Tenant, filtered: bool) -> None:
    token = application_filter.set(filtered)
    try:
        assert await outcomes(acme.quotas(), Charge.REQUEST, 9) == (5, 4)
        of_globex = await globex.quotas().remaining()
        assert [(a.limit, a.used) for a in of_globex if a.used] == [(Limit.USERS, 1)]
        assert await outcomes(globex.quotas(), Charge.REQUEST, 9) == (5, 4)
    finally:
        application_filter.reset(token)


async def test_counters_of_windows_that_are_over_are_purged(
    acme: Tenant, globex: Tenant, clock: FixedClock, database: Database
) -> None:
    for at in (
        datetime(2025, 11, 30, tzinfo=UTC),
        datetime(2025, 12, 31, tzinfo=UTC),
        datetime(2026, 1, 9, tzinfo=UTC),
    ):
        clock.set(at)
        await acme.quotas().take(Charge.REQUEST, Charge.CALL)
        await globex.quotas().take(Charge.REQUEST)
    clock.advance(timedelta(hours=23))

    assert await purge_counters(database, acme.service, clock=clock) == 3

    assert await acme.counted() == [
        ("tenant", "monthly_calls", 1),  # of December
        ("tenant", "monthly_calls", 1),
        ("tenant", "requests_per_minute", 1),
    ]
    assert len(await globex.counted()) == 3
