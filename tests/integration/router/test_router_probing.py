"""Routes that were away are asked by the router itself whether they are back, and nobody is billed for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from llama_index.core.llms import ChatMessage, ChatResponse
from router_support import PRICE, model, routed, words
from sqlalchemy import RowMapping, func, select
from sqlalchemy.exc import ProgrammingError

from aura.database.engine import Database
from aura.database.tables import platform_usage, usage
from aura.errors import InvalidRequest, LimitExceeded
from aura.identity import Scope
from aura.router.candidates import Tier, candidate
from aura.router.endpoint import close_endpoint
from aura.router.faults import Fault, FaultKind
from aura.router.health import CONSECUTIVE_FAILURES, OPEN_SECONDS, PROBES, HealthBoard, RouteHealth, RouteState
from aura.router.probing import Prober, Probing
from aura.testing.clock import FixedClock
from aura.testing.fault_server import FaultServer
from aura.testing.llms import EchoLLM
from aura.usage.budgets import Budgets
from aura.usage.ledger import Kind, Outcome, UsageRow
from aura.usage.periods import Window
from aura.usage.platform_budget import PlatformBudget
from aura.usage.platform_ledger import PlatformLedger

FAILED = Fault(kind=FaultKind.SERVER, described="HTTP 500")


class Now:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Watched:
    """One route, its health, and who asks how it is."""

    def __init__(self, server: FaultServer, name: str, probing: Probing, ledger: PlatformLedger | None = None) -> None:
        self.now = Now()
        self.candidate = model(server, name)
        self.board = HealthBoard(now=self.now, jitter=lambda: 0.0)
        self.board.add(self.candidate.route, provider="test", model=name)
        self.prober = Prober((self.candidate,), self.board, probing, ledger=ledger, count_tokens=words)

    @property
    def status(self) -> RouteHealth:
        return self.board.status(self.candidate.route)

    def fail(self) -> None:
        for _ in range(CONSECUTIVE_FAILURES):
            self.board.ended(self.candidate.route, FAILED)


@asynccontextmanager
async def watched(
    name: str, *, ledger: PlatformLedger | None = None, **probing: float
) -> AsyncGenerator[tuple[FaultServer, Watched]]:
    async with FaultServer() as server:
        found = Watched(server, name, Probing(**probing), ledger)
        try:
            yield server, found
        finally:
            await close_endpoint(found.candidate.llm)


async def test_a_route_whose_pause_is_over_is_probed_until_it_is_closed_and_not_before() -> None:
    async with watched("ok") as (server, route):
        route.fail()
        assert await route.prober.probe_due() == 0  # it is open: its pause is not over
        route.now.seconds += OPEN_SECONDS + 1
        for _ in range(PROBES):
            assert await route.prober.probe_due() == 1
        assert route.status.state is RouteState.CLOSED
        assert await route.prober.probe_due() == 0
        assert [hit.body["max_tokens"] for hit in server.hits] == [16] * PROBES


async def test_a_route_that_is_still_away_is_left_alone_for_longer_each_time() -> None:
    async with watched("500") as (server, route):
        route.fail()
        pauses: list[float] = []
        for _ in range(4):
            until = route.status.until
            assert until is not None
            pauses.append(until.timestamp() - route.now.seconds)
            route.now.seconds = until.timestamp() + 0.001
            assert await route.prober.probe_due() == 1
        assert pauses == pytest.approx([OPEN_SECONDS * 2**n for n in range(4)], abs=0.01)
        assert len(server.hits) == 4


async def test_a_route_that_nobody_uses_is_asked_where_it_is_wanted() -> None:
    async with watched("ok") as (server, route):
        route.now.seconds += 10_000
        assert await route.prober.probe_due() == 0
        assert server.hits == []
    async with watched("ok", unused_seconds=600) as (server, route):
        route.now.seconds += 10_000
        assert await route.prober.probe_due() == 1
        assert await route.prober.probe_due() == 0  # it was used just now
        assert len(server.hits) == 1


@pytest.mark.parametrize(
    ("fault", "state"), [("400", RouteState.CLOSED), ("empty", RouteState.OPEN), ("hang", RouteState.OPEN)]
)
async def test_a_refused_probe_is_an_answer_and_an_empty_or_silent_one_is_none(fault: str, state: RouteState) -> None:
    async with watched(fault, answer_seconds=0.3) as (_, route):
        route.fail()
        route.now.seconds += 2 * OPEN_SECONDS
        await route.prober.probe_due()
        await route.prober.probe_due()
        assert route.status.state is state


class Thinker(EchoLLM):
    """A model that has spent all its tokens before its first word."""

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        ended = {"choices": [{"finish_reason": "length"}]}
        return ChatResponse(message=ChatMessage(role="assistant", content=""), raw=ended)


async def test_a_model_that_has_spent_its_few_tokens_on_reasoning_is_well() -> None:
    board, thinker = HealthBoard(), candidate(Thinker(), provider="test", price=PRICE)
    board.add(thinker.route, provider="test", model="thinker")
    prober = Prober((thinker,), board, Probing(unused_seconds=0.0))
    assert await prober.probe_due() == 1
    assert board.status(thinker.route).failures == 0


async def platform_rows(database: Database, model: str) -> list[RowMapping]:
    query = select(platform_usage).where(platform_usage.c.model == model).order_by(platform_usage.c.created_at)
    async with database.system() as session:
        return list((await session.execute(query)).mappings().all())


async def tenants_rows(database: Database, scope: Scope) -> int:
    async with database.tenant(scope) as session:
        return int((await session.execute(select(func.count()).select_from(usage))).scalar_one())


async def test_every_probe_has_a_row_of_the_platform_in_micro_dollars_and_none_of_a_tenant(
    database: Database, clock: FixedClock, acme: Scope
) -> None:
    name = f"ok@{uuid4().hex[:8]}"
    ledger = PlatformLedger(database, clock=clock)
    async with watched(name, ledger=ledger, unused_seconds=60) as (server, route):
        for _ in range(3):
            route.now.seconds += 61
            assert await route.prober.probe_due() == 1
        hits = server.hits
    rows = await platform_rows(database, name)
    assert len(rows) == len(hits) == 3
    assert sum(row["cost_micro_usd"] for row in rows) == sum(hit.cost_micro_usd for hit in hits) > 0
    assert {(row["kind"], row["outcome"], row["certainty"]) for row in rows} == {("probe", "ok", "exact")}
    summary = await ledger.get_cost_summary(by=["kind", "provider", "model"])
    (line,) = (line for line in summary.lines if line.model == name)
    assert (line.kind, line.provider, line.spent.calls, line.spent.failures) == ("probe", "test", 3, 0)
    assert line.spent.cost_micro_usd == sum(row["cost_micro_usd"] for row in rows)
    assert await tenants_rows(database, acme) == 0
    async with database.tenant(acme) as session:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await session.execute(select(platform_usage.c.id))


async def test_a_probe_that_fails_has_a_row_with_its_fault(database: Database, clock: FixedClock) -> None:
    name = f"500@{uuid4().hex[:8]}"
    ledger = PlatformLedger(database, clock=clock)
    async with watched(name, ledger=ledger, unused_seconds=60) as (_, route):
        route.now.seconds += 61
        await route.prober.probe_due()
    (row,) = await platform_rows(database, name)
    assert (row["outcome"], row["fault"], row["cost_micro_usd"]) == ("failed", "server", 0)
    assert (await ledger.get_cost_summary(by=["model"])).total.failures >= 1


async def test_probes_count_in_the_platforms_budget_and_end_with_it(database: Database, acme: Scope) -> None:
    clock = FixedClock(datetime(2031, 4, 9, tzinfo=UTC))  # a month of its own: the budget is the whole platform's
    budget = PlatformBudget({Window.MONTH: 1})
    ledger = PlatformLedger(database, clock=clock, budget=budget)
    async with watched(f"ok@{uuid4().hex[:8]}", ledger=ledger, unused_seconds=60) as (server, route):
        route.now.seconds += 61
        assert await route.prober.probe_due() == 1
        route.now.seconds += 61
        assert await route.prober.probe_due() == 0
        assert len(server.hits) == 1
    with pytest.raises(LimitExceeded, match="the platform's budget"):
        await Budgets(database, acme, clock=clock, platform=budget).reserve([1])


async def test_the_platforms_own_costs_are_no_users_and_no_keys(database: Database, clock: FixedClock) -> None:
    ledger = PlatformLedger(database, clock=clock)
    with pytest.raises(InvalidRequest, match="choose of day, model, provider, kind"):
        await ledger.get_cost_summary(by=["user"])
    before = (await ledger.get_cost_summary(by=["day"])).total
    row = UsageRow(kind=Kind.PROBE, provider="p", model="m", outcome=Outcome.OK, tokens_out=2, cost_micro_usd=None)
    await ledger.record(row)
    after = await ledger.get_cost_summary(by=["day"])
    assert (after.total.calls, after.total.unpriced) == (before.calls + 1, before.unpriced + 1)
    assert [line.day for line in after.lines][-1] == clock.now().date()


async def test_rows_of_the_platform_older_than_a_year_of_costs_go(database: Database) -> None:
    name = uuid4().hex
    then = FixedClock(datetime(2020, 1, 1, tzinfo=UTC))
    row = UsageRow(kind=Kind.PROBE, provider="p", model=name, outcome=Outcome.OK, cost_micro_usd=1)
    await PlatformLedger(database, clock=then).record(row)
    assert len(await platform_rows(database, name)) == 1
    later = FixedClock(datetime(2021, 3, 1, tzinfo=UTC))
    await PlatformLedger(database, clock=later).record(msgspec.structs.replace(row, model="another"))
    assert await platform_rows(database, name) == []


async def test_probes_run_beside_calls_and_the_users_calls_find_the_route_closed() -> None:
    async with (
        FaultServer() as server,
        routed(model(server, "ok@a"), model(server, "ok@b", Tier.REASONING)) as call,
    ):
        router, route = call.router, call.router.candidates[0].route
        router.board._breakers[route].state = RouteState.HALF_OPEN  # pyright: ignore[reportPrivateUsage]
        task = asyncio.create_task(Prober(router.candidates, router.board, Probing(every_seconds=0.02)).run())
        async with asyncio.timeout(60):
            while router.board.status(route).state is not RouteState.CLOSED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert call.traces == []
        await call.texts()
        assert len(call.traces[0].attempts) == 1
