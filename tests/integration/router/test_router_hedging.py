"""A second attempt beside one that says nothing: who answers, what it costs, and how many there may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from router_support import QUICK, Routed, model, words
from sqlalchemy import select

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import budget_reservations, usage
from aura.errors import BackendError, Unavailable
from aura.identity import Scope
from aura.router.candidates import Candidate, Tier
from aura.router.context import Books, CallContext, NoBooks
from aura.router.deadlines import Deadlines
from aura.router.faults import FaultKind
from aura.router.hedging import Hedge, HedgeAllowance
from aura.router.smart_router import SmartRouter
from aura.router.trace import Trace
from aura.testing.clock import FixedClock
from aura.testing.fault_server import FaultServer
from aura.usage.accounts import Accounts
from aura.usage.budgets import Budgets
from aura.usage.ledger import Ledger

WHOLE = [f"w{n} " for n in range(60)]


@asynccontextmanager
async def hedged(
    *candidates: Candidate,
    after: float = 0.05,
    share: float = 1.0,
    deadlines: Deadlines = QUICK,
    books: Books | None = None,
) -> AsyncGenerator[Routed]:
    traces: list[Trace] = []
    hedge = Hedge(after_seconds=after, share=share)
    router = SmartRouter(candidates, deadlines=deadlines, count_tokens=words, hedge=hedge)
    try:
        yield Routed(router.bound(CallContext(books=books or NoBooks(), on_trace=traces.append)), traces)
    finally:
        await router.close()


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_where_the_first_says_nothing_the_second_answers_and_the_first_is_left(stream: bool) -> None:
    async with (
        FaultServer() as server,
        hedged(model(server, "hang"), model(server, "ok", Tier.REASONING)) as call,
    ):
        text = await call.texts() if stream else [(await call.router.acomplete("what is this")).text]
        assert "".join(text) == "".join(WHOLE)
        async with asyncio.timeout(60):
            await next(hit for hit in server.hits if hit.model == "hang").left.wait()
        assert {(each.name, each.outcome) for each in call.trace.attempts} == {
            ("test/hang", "superseded"),
            ("test/ok", "ok"),
        }
        assert len(server.hits) == 2
        assert call.trace.answered_by == "test/ok"
        assert call.trace.cost_micro_usd == server.cost_micro_usd
        assert "hedged with test/ok after 0.05 s" in call.trace.reasons
        assert [each.failures for each in call.router.get_health_status()] == [0, 0]


async def test_where_the_first_speaks_in_time_there_is_no_second() -> None:
    async with (
        FaultServer() as server,
        hedged(model(server, "ok@a"), model(server, "ok@b", Tier.REASONING), after=20.0) as call,
    ):
        assert await call.texts() == WHOLE
        assert [hit.model for hit in server.hits] == ["ok@a"]


async def test_where_the_second_fails_the_first_is_waited_for() -> None:
    async with (
        FaultServer(delay_seconds=0.3, chunks=2) as server,
        hedged(model(server, "ok"), model(server, "500", Tier.REASONING)) as call,
    ):
        assert await call.texts() == WHOLE[:2]
        assert [(each.name, each.fault) for each in call.trace.attempts] == [
            ("test/500", FaultKind.SERVER),
            ("test/ok", None),
        ]


async def test_where_both_fail_the_caller_gets_the_last_failure() -> None:
    deadlines = Deadlines(first_token_seconds=0.5, total_seconds=30.0)
    async with (
        FaultServer() as server,
        hedged(model(server, "hang"), model(server, "slow-first", Tier.REASONING), deadlines=deadlines) as call,
    ):
        with pytest.raises(Unavailable, match="first_token"):
            await call.texts()
        assert len(server.hits) == len(call.trace.attempts) == 2


async def test_what_the_request_is_to_blame_for_ends_both() -> None:
    async with (
        FaultServer() as server,
        hedged(model(server, "hang"), model(server, "400", Tier.REASONING)) as call,
    ):
        with pytest.raises(BackendError):
            await call.texts()
        assert {each.outcome for each in call.trace.attempts} == {"superseded", "failed"}


async def test_a_consumer_that_leaves_ends_both_attempts() -> None:
    async with (
        FaultServer() as server,
        hedged(model(server, "hang"), model(server, "slow-first", Tier.REASONING)) as call,
    ):
        waiting = asyncio.ensure_future(call.texts())
        async with asyncio.timeout(60):
            while len(server.hits) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(60):
            for hit in server.hits:
                await hit.left.wait()
        assert [each.outcome for each in call.trace.attempts] == ["cancelled", "cancelled"]


async def test_both_attempts_are_in_the_ledger_and_nothing_stays_reserved(
    database: Database, acme: Scope, clock: FixedClock
) -> None:
    budgets = Budgets(database, acme, clock=clock)
    await budgets.set("tenant", "day", 1_000_000)
    books = Accounts(database, acme, budgets=budgets, ledger=Ledger(database, acme, clock=clock))
    async with (
        FaultServer() as server,
        hedged(model(server, "slow-first"), model(server, "ok", Tier.REASONING), books=books) as call,
    ):
        assert await call.texts() == WHOLE
        cost = server.cost_micro_usd
    async with database.tenant(acme) as session:
        rows = (await session.execute(select(usage).where(visible(usage, acme)))).all()
        held = select(budget_reservations).where(visible(budget_reservations, acme))
        assert (await session.execute(held)).all() == []
    assert {(row.model, row.outcome, row.certainty) for row in rows} == {
        ("slow-first", "superseded", "at_least"),
        ("ok", "ok", "exact"),
    }
    assert sum(row.cost_micro_usd for row in rows) == cost > 0
    assert len({row.call_id for row in rows}) == 1


def test_hedges_keep_to_their_share_of_the_calls() -> None:
    allowance = HedgeAllowance(Hedge(after_seconds=1.0, share=0.05))
    taken = 0
    for _ in range(1_000):
        allowance.called()
        taken += allowance.take()
    assert 49 <= taken <= 51
