"""Money: what is reserved and settled, exactly, however many call at once and from however many processes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from router_support import PRICE, model, routed
from sqlalchemy import RowMapping, select

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import platform_reservations, platform_spent, usage
from aura.errors import BackendError, InvalidRequest, LimitExceeded
from aura.identity import Role, Scope, UserId
from aura.router.candidates import Tier
from aura.router.faults import Interrupted
from aura.router.price import Tokens
from aura.testing.clock import FixedClock
from aura.testing.fault_server import FaultServer
from aura.usage.accounts import Accounts
from aura.usage.budgets import LEASE_SECONDS, Booking, Budgets, of_key, of_user, purge_budgets
from aura.usage.costs import Costs, Dimension
from aura.usage.ledger import Kind, Ledger, Outcome, UsageRow
from aura.usage.periods import Period, Window, utc_day
from aura.usage.platform_budget import PlatformBudget


def budgets_of(database: Database, scope: Scope, clock: FixedClock, *, key: UUID | None = None) -> Budgets:
    return Budgets(database, scope, clock=clock, api_key_id=key)


def accounts_of(
    database: Database,
    scope: Scope,
    clock: FixedClock,
    *,
    key: UUID | None = None,
    platform: PlatformBudget | None = None,
) -> Accounts:
    budgets = Budgets(database, scope, clock=clock, api_key_id=key, platform=platform)
    return Accounts(database, scope, budgets=budgets, ledger=Ledger(database, scope, clock=clock, api_key_id=key))


def row(cost: int, **fields: object) -> UsageRow:
    plain = {"kind": Kind.CHAT, "provider": "test", "model": "ok", "outcome": Outcome.OK, "cost_micro_usd": cost}
    return UsageRow(**{**plain, **fields})  # pyright: ignore[reportArgumentType]


async def rows(database: Database, scope: Scope) -> Sequence[RowMapping]:
    async with database.tenant(scope) as session:
        query = select(usage).where(visible(usage, scope)).order_by(usage.c.call_id, usage.c.attempt)
        return (await session.execute(query)).mappings().all()


async def admitted(accounts: Accounts, price: int, tries: int) -> list[Booking]:
    results = await asyncio.gather(*(accounts.reserve([price]) for _ in range(tries)), return_exceptions=True)
    assert all(isinstance(result, Booking | LimitExceeded) for result in results), results
    return [result for result in results if isinstance(result, Booking)]


async def test_of_sixty_calls_at_once_on_a_budget_for_two_exactly_two_are_admitted(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    await budgets_of(database, acme, clock).set("tenant", "day", 2_000)
    accounts = accounts_of(database, acme, clock)
    taken = await admitted(accounts, 1_000, 60)
    assert len(taken) == 2
    await accounts.settle(taken[0], row(400))
    assert len(await admitted(accounts, 600, 20)) == 1  # 2,000 − 400 spent − 1,000 reserved
    with pytest.raises(LimitExceeded) as refused:
        await accounts.reserve([1])
    assert (refused.value.remaining, refused.value.limit) == (0, "day_budget_micro_usd")
    assert refused.value.renews_at == Window.DAY.end(clock.now())


async def test_sixty_calls_of_a_router_on_a_budget_for_two_ask_the_provider_twice(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    async with FaultServer(chunks=5, delay_seconds=0.02) as server:
        candidate = model(server, "ok", output_tokens=5)
        accounts = accounts_of(database, acme, clock)
        async with routed(candidate, books=accounts) as call:
            prompt = "one two three"
            most = PRICE.micro_usd(Tokens(input=len(prompt) // 3 + 8, output=5))
            await budgets_of(database, acme, clock).set("tenant", "month", 2 * most)
            results = await asyncio.gather(*(call.texts(prompt) for _ in range(60)), return_exceptions=True)
        assert sum(isinstance(result, list) for result in results) == len(server.hits) == 2
        assert sum(isinstance(result, LimitExceeded) for result in results) == 58


async def test_every_level_must_have_room_and_none_is_charged_where_one_has_not(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    key = uuid4()
    budgets = budgets_of(database, acme, clock, key=key)
    await budgets.set("tenant", "month", 10_000)
    await budgets.set(of_user(UserId(acme.user_id or uuid4())), "day", 5_000)
    await budgets.set("keys", "day", 1_000)
    accounts = accounts_of(database, acme, clock, key=key)
    with pytest.raises(LimitExceeded, match="this key may spend"):
        await accounts.reserve([1_500])
    booking = await accounts.reserve([900])
    assert booking.left_micro_usd == 100
    await accounts.settle(booking, row(900))
    with pytest.raises(LimitExceeded, match="this key"):
        await accounts.reserve([200])
    without_key = accounts_of(database, acme, clock)
    assert (await without_key.reserve([4_100])).left_micro_usd == 0
    with pytest.raises(LimitExceeded, match="this user"):
        await without_key.reserve([1])
    assert of_key(key) == f"key:{key}"


async def test_what_is_cheaper_is_taken_before_a_call_is_refused(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    async with FaultServer(chunks=5) as server:
        dear = msgspec.structs.replace(model(server, "ok@dear", Tier.FAST), output_tokens=1_000)
        cheap = msgspec.structs.replace(model(server, "ok@cheap", Tier.REASONING), output_tokens=10)
        await budgets_of(database, acme, clock).set("tenant", "day", 100)
        async with routed(dear, cheap, books=accounts_of(database, acme, clock)) as call:
            await call.texts()
            assert [hit.model for hit in server.hits] == ["ok@cheap"]
            assert "the budget has no room for test/ok@dear: test/ok@cheap in its place" in call.trace.reasons


async def test_the_reservation_of_a_process_that_died_counts_no_more_after_its_lease(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    await budgets_of(database, acme, clock).set("tenant", "month", 1_000)
    accounts = accounts_of(database, acme, clock)
    await accounts.reserve([1_000])
    with pytest.raises(LimitExceeded):
        await accounts.reserve([1])
    clock.set(clock.now() + timedelta(seconds=LEASE_SECONDS + 1))
    assert (await accounts.reserve([1_000])).left_micro_usd == 0
    assert await purge_budgets(database, acme, clock=clock) == 1


async def test_a_budget_begins_anew_with_the_utc_day_and_a_call_is_charged_to_the_day_it_began_in(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    clock.set(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    await budgets_of(database, acme, clock).set("tenant", "day", 1_000)
    accounts = accounts_of(database, acme, clock)
    booking = await accounts.reserve([800])
    clock.set(datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC))
    await accounts.settle(booking, row(800))
    assert (await accounts.reserve([1_000])).left_micro_usd == 0
    assert [each["created_at"] for each in await rows(database, acme)] == [
        datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    ]


async def test_a_new_budget_counts_what_its_span_has_spent_already(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    accounts = accounts_of(database, acme, clock)
    await accounts.settle(await accounts.reserve([700]), row(700))
    await accounts.settle(await accounts.reserve([50]), row(50, own_key=True))
    await budgets_of(database, acme, clock).set("tenant", "day", 1_000)
    assert (await accounts.reserve([100])).left_micro_usd == 200


async def test_the_platform_has_a_budget_over_all_tenants_and_tells_nobody_what_it_has(
    database: Database, acme: Scope, globex: Scope, clock: FixedClock
) -> None:
    clock.set(datetime(2031, 1, 1, tzinfo=UTC) + timedelta(days=uuid4().int % 3000))
    platform = PlatformBudget({Window.DAY: 1_000})
    ours = accounts_of(database, acme, clock, platform=platform)
    theirs = accounts_of(database, globex, clock, platform=platform)
    booking = await ours.reserve([600])
    with pytest.raises(LimitExceeded, match="platform's budget") as refused:
        await theirs.reserve([600])
    assert refused.value.remaining == 0
    assert (await theirs.reserve([600, 400])).option == 1
    await ours.settle(booking, row(100))
    taken = await asyncio.gather(*(theirs.reserve([250]) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, Booking) for result in taken) == 2


async def test_what_the_platform_reserved_goes_back_with_the_tenants_transaction(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    clock.set(datetime(2041, 1, 1, tzinfo=UTC) + timedelta(days=uuid4().int % 3000))
    platform, now = PlatformBudget({Window.DAY: 1_000, Window.MONTH: 5_000}), clock.now()

    async def reserved_and_lost() -> None:
        async with database.tenant(acme) as session:
            assert await platform.reserve(session, uuid4(), [2_000, 900], first=0, now=now) == 1
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await reserved_and_lost()
    booking = await accounts_of(database, acme, clock, platform=platform).reserve([1_000])
    assert booking.on_platform
    async with database.system() as session:
        held = select(platform_reservations.c.id).where(platform_reservations.c.id == booking.id)
        assert (await session.execute(held)).all()
    async with database.tenant(acme) as session:
        await platform.settle(session, booking.id or uuid4(), -500, reserved_at=now)  # nobody gives money back
    with pytest.raises(LimitExceeded, match="this day"):
        await accounts_of(database, acme, clock, platform=platform).reserve([1_001])


async def test_the_application_can_not_see_the_platforms_budget(database: Database, acme: Scope) -> None:
    for table in (platform_spent, platform_reservations):
        with pytest.raises(BackendError, match="42501"):
            async with database.tenant(acme) as session:
                await session.execute(select(table))


async def test_budgets_are_the_tenants_own(database: Database, acme: Scope, globex: Scope, clock: FixedClock) -> None:
    await budgets_of(database, acme, clock).set("tenant", "day", 1)
    assert await budgets_of(database, globex, clock).list() == ()
    await budgets_of(database, globex, clock).remove("tenant", "day")
    assert len(await budgets_of(database, acme, clock).list()) == 1
    assert (await accounts_of(database, globex, clock).reserve([10**9])).id is None
    foreign = msgspec.structs.replace(globex, role=Role.ADMIN)
    booking = Booking(option=0, id=uuid4(), reserved_at=clock.now())
    await accounts_of(database, foreign, clock).settle(booking, row(1))
    assert [len(await rows(database, scope)) for scope in (acme, globex)] == [0, 1]


@pytest.mark.parametrize(
    ("subject", "span", "amount"),
    [("everybody", "day", 1), ("user:me", "day", 1), ("tenant", "hour", 1), ("tenant", "day", -1)],
)
async def test_a_budget_that_can_not_be_kept_is_refused(
    database: Database, acme: Scope, clock: FixedClock, subject: str, span: str, amount: int
) -> None:
    with pytest.raises(InvalidRequest):
        await budgets_of(database, acme, clock).set(subject, span, amount)


async def test_each_attempt_has_a_row_of_its_own(database: Database, acme: Scope, clock: FixedClock) -> None:
    async with FaultServer() as server:
        books = accounts_of(database, acme, clock)
        async with routed(model(server, "empty"), model(server, "cut", Tier.REASONING), books=books) as call:
            with pytest.raises(Interrupted):
                await call.texts("what is this about then")
        failed, cut = await rows(database, acme)
        assert [failed["attempt"], cut["attempt"]] == [1, 2]
        assert failed["call_id"] == cut["call_id"] == call.trace.call_id
        assert [failed["fault"], cut["fault"]] == ["empty", "cut"]
        assert [failed["certainty"], cut["certainty"]] == ["at_least", "at_least"]
        assert cut["price_version"] == "test"
        assert failed["cost_micro_usd"] + cut["cost_micro_usd"] == server.cost_micro_usd > 0


async def test_costs_of_a_tenants_own_key_are_shown_apart(database: Database, acme: Scope, clock: FixedClock) -> None:
    async with FaultServer() as server:
        books = accounts_of(database, acme, clock)
        own = msgspec.structs.replace(model(server, "ok@own"), key_owner="tenant")
        async with routed(own, books=books) as call:
            await call.texts()
        today = utc_day(clock.now())
        summary = await Costs(database, acme, clock=clock).summary(
            Period(first=today, last=today), by=[Dimension.PROVIDER, Dimension.MODEL]
        )
        assert summary.total.cost_micro_usd == 0
        assert summary.total.own_key_micro_usd == server.cost_micro_usd > 0
        assert (summary.lines[0].provider, summary.lines[0].model) == ("test", "ok@own")
