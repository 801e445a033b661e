"""The ledger and what is made of it: sums that are those of the rows, whether the days are rolled up or not."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import RowMapping, delete, select
from usage_support import PASSWORD, Tenant, row

from aura.database.scopes import application_filter
from aura.database.tables import usage, usage_daily
from aura.errors import InvalidRequest
from aura.testing.clock import FixedClock
from aura.usage.costs import Dimension, Spent
from aura.usage.ledger import NOBODY, Kind, Outcome, UsageRow
from aura.usage.periods import Period
from aura.usage.rollup import roll_up, roll_up_closed

DAYS = [date(2026, 3, day) for day in range(1, 8)]
ALL = Period(first=DAYS[0], last=DAYS[-1])
COLUMNS = {
    "day": "day",
    "model": "model",
    "provider": "provider",
    "user": "user_id",
    "key": "api_key_id",
    "kind": "kind",
}


async def filled(tenant: Tenant, rng: random.Random, rows: int = 150) -> None:
    """Rows of every sort over `DAYS`, also at the very edges of days; the clock ends in the middle of the last one."""
    people = [None, tenant.admin.id, (await tenant.users.add(email="bob@acme.test", password=PASSWORD)).id]
    keys = [None, uuid4(), uuid4()]
    for n in range(rows):
        moment = timedelta(0) if n < 7 else timedelta(days=1, microseconds=-1) if n < 13 else None
        seconds = rng.uniform(0, 86_000)
        day = DAYS[n % 7]
        if day == DAYS[-1]:
            moment, seconds = None, seconds / 2
        tenant.clock.set(datetime(day.year, day.month, day.day, tzinfo=UTC) + (moment or timedelta(seconds=seconds)))
        await tenant.ledger(rng.choice(people), key=rng.choice(keys)).record(_row(rng))
    tenant.clock.set(datetime(2026, 3, 7, 12, tzinfo=UTC))


def _row(rng: random.Random) -> UsageRow:
    return row(
        kind=rng.choice(list(Kind)),
        provider=rng.choice(["openai", "grok"]),
        model=rng.choice(["fast", "strong"]),
        outcome=rng.choice(list(Outcome)),
        tokens_in=rng.randrange(3000),
        tokens_cached=rng.randrange(100),
        tokens_out=rng.randrange(500),
        cost_micro_usd=rng.choice([None, 0, 1, rng.randrange(10**9)]),
        own_key=rng.random() < 0.3,
    )


def recounted(rows: list[RowMapping], by: tuple[str, ...]) -> dict[tuple[object, ...], Spent]:
    """The same sums, the long way."""
    groups: dict[tuple[object, ...], list[RowMapping]] = defaultdict(list)
    for each in rows:
        day = each["created_at"].astimezone(UTC).date()
        values = {**each, "day": day, "user_id": each["user_id"] or NOBODY, "api_key_id": each["api_key_id"] or NOBODY}
        groups[tuple(values[COLUMNS[name]] for name in by)].append(each)
    return {key: _spent(group) for key, group in groups.items()}


def _spent(rows: list[RowMapping]) -> Spent:
    return Spent(
        calls=len(rows),
        failures=sum(row["outcome"] == "failed" for row in rows),
        unpriced=sum(row["cost_micro_usd"] is None for row in rows),
        tokens_in=sum(row["tokens_in"] for row in rows),
        tokens_cached=sum(row["tokens_cached"] for row in rows),
        tokens_out=sum(row["tokens_out"] for row in rows),
        cost_micro_usd=sum(row["cost_micro_usd"] or 0 for row in rows if not row["own_key"]),
        own_key_micro_usd=sum(row["cost_micro_usd"] or 0 for row in rows if row["own_key"]),
    )


async def told(tenant: Tenant, by: tuple[str, ...], period: Period = ALL) -> dict[tuple[object, ...], Spent]:
    summary = await tenant.costs.summary(period, by=by)
    assert summary.total == sum((line.spent for line in summary.lines), Spent())
    return {tuple(getattr(line, COLUMNS[name]) for name in by): line.spent for line in summary.lines}


@pytest.mark.parametrize("seed", range(3))
async def test_costs_are_the_sum_of_the_ledger_whichever_days_are_rolled_up(acme: Tenant, seed: int) -> None:
    rng = random.Random(seed)
    await filled(acme, rng)
    rows = await acme.rows()
    groupings = [(), *((each,) for each in Dimension), ("day", "model"), ("kind", "user", "key"), tuple(Dimension)]

    for rolled in ([], rng.sample(DAYS[:-1], 3), DAYS[:-1]):
        for day in rolled:
            await roll_up(acme.database, acme.service, day, clock=acme.clock)
        for by in groupings:
            assert await told(acme, by) == recounted(rows, by), (rolled, by)
        some = Period(first=DAYS[2], last=DAYS[4])
        inside = [row for row in rows if some.start <= row["created_at"] < some.end]
        assert await told(acme, ("day",), some) == recounted(inside, ("day",))


async def test_days_that_are_over_are_read_from_the_roll_up_and_the_open_one_from_the_ledger(acme: Tenant) -> None:
    await filled(acme, random.Random(1))
    before = await told(acme, ("day",))
    await roll_up_closed(acme.database, acme.service, clock=acme.clock)
    async with acme.database.tenant(acme.service) as session:
        await session.execute(delete(usage).where(usage.c.created_at < datetime(2026, 3, 7, tzinfo=UTC)))

    assert await told(acme, ("day",)) == before


async def test_rolling_up_twice_or_twice_at_once_changes_nothing(acme: Tenant) -> None:
    await filled(acme, random.Random(2), rows=40)
    first = await roll_up(acme.database, acme.service, DAYS[0], clock=acme.clock)
    once = await _daily(acme)

    counts = await asyncio.gather(*(roll_up(acme.database, acme.service, DAYS[0], clock=acme.clock) for _ in range(8)))

    assert set(counts) == {first}
    assert await _daily(acme) == once


async def test_a_row_that_came_late_is_in_the_next_roll_up(acme: Tenant) -> None:
    await acme.spend(datetime(2026, 3, 1, 12, tzinfo=UTC), cost_micro_usd=5)
    acme.clock.set(datetime(2026, 3, 2, 0, 10, tzinfo=UTC))
    await roll_up_closed(acme.database, acme.service, clock=acme.clock)
    await acme.spend(datetime(2026, 3, 1, 23, 59, tzinfo=UTC), cost_micro_usd=7)
    acme.clock.set(datetime(2026, 3, 3, 0, 10, tzinfo=UTC))

    await roll_up_closed(acme.database, acme.service, clock=acme.clock)

    assert (await told(acme, ()))[()].cost_micro_usd == 12


async def test_a_night_that_was_missed_is_made_up_for(acme: Tenant) -> None:
    await filled(acme, random.Random(3), rows=30)

    assert await roll_up_closed(acme.database, acme.service, clock=acme.clock) == tuple(DAYS[:-1])
    assert await roll_up_closed(acme.database, acme.service, clock=acme.clock) == tuple(DAYS[-3:-1])


async def test_a_day_whose_rows_are_gone_keeps_what_was_made_of_them(acme: Tenant) -> None:
    await filled(acme, random.Random(4), rows=30)
    await roll_up(acme.database, acme.service, DAYS[0], clock=acme.clock)
    before = await _daily(acme)
    async with acme.database.tenant(acme.service) as session:
        await session.execute(delete(usage))

    await roll_up(acme.database, acme.service, DAYS[0], clock=acme.clock)

    assert await _daily(acme) == before != []


async def test_a_day_that_is_not_over_is_not_rolled_up(acme: Tenant, clock: FixedClock) -> None:
    with pytest.raises(InvalidRequest):
        await roll_up(acme.database, acme.service, clock.now().date(), clock=clock)


async def test_a_price_that_is_not_known_is_counted_and_in_no_sum(acme: Tenant) -> None:
    await acme.spend(cost_micro_usd=None)
    await acme.spend(cost_micro_usd=1_500)
    await acme.spend(cost_micro_usd=0)
    await acme.spend(cost_micro_usd=700, own_key=True)

    total = (await acme.costs.summary(Period.ending(acme.clock.now().date(), days=1))).total

    assert (total.calls, total.unpriced) == (4, 1)
    assert (total.cost_micro_usd, total.own_key_micro_usd) == (1_500, 700)


async def test_sums_beyond_32_bits_are_exact(acme: Tenant) -> None:
    for _ in range(3):
        await acme.spend(datetime(2026, 3, 1, tzinfo=UTC), cost_micro_usd=2**52 + 1, tokens_in=2**31 - 1)
    acme.clock.set(datetime(2026, 3, 3, tzinfo=UTC))
    await roll_up_closed(acme.database, acme.service, clock=acme.clock)

    spent = (await told(acme, ()))[()]

    assert (spent.cost_micro_usd, spent.tokens_in) == (3 * 2**52 + 3, 3 * 2**31 - 3)


async def test_a_period_is_at_most_a_year_and_not_backwards(acme: Tenant) -> None:
    for first, last in ((date(2026, 1, 2), date(2026, 1, 1)), (date(2025, 1, 1), date(2026, 1, 2))):
        with pytest.raises(InvalidRequest):
            Period.between(first, last)
    with pytest.raises(InvalidRequest):
        await acme.costs.summary(ALL, by=["colour"])


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_nothing_of_another_organisation_is_in_any_sum(acme: Tenant, globex: Tenant, filtered: bool) -> None:
    token = application_filter.set(filtered)
    try:
        await filled(acme, random.Random(5), rows=40)
        await roll_up_closed(acme.database, acme.service, clock=acme.clock)
        acmes = await told(acme, tuple(Dimension))
        assert await told(globex, ()) == {}
        assert await roll_up_closed(globex.database, globex.service, clock=globex.clock) == ()

        await filled(globex, random.Random(6), rows=40)
        await roll_up_closed(globex.database, globex.service, clock=globex.clock)

        assert await told(globex, tuple(Dimension)) == recounted(await globex.rows(), tuple(Dimension))
        assert await told(acme, tuple(Dimension)) == acmes
    finally:
        application_filter.reset(token)


async def _daily(tenant: Tenant) -> list[tuple[object, ...]]:
    async with tenant.database.tenant(tenant.service) as session:
        return sorted((tuple(row) for row in await session.execute(select(usage_daily))), key=str)
