"""A process that makes calls through a router, as many as it is told, and leaves a share of them in the middle."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any
from uuid import UUID

import psutil
from router_support import PRICE, QUICK, words

from aura.clock import SystemClock
from aura.database.engine import Database
from aura.errors import AuraError
from aura.identity import Role, Scope, TenantId
from aura.router.candidates import Tier, candidate
from aura.router.context import CallContext
from aura.router.deadlines import Deadlines
from aura.router.endpoint import open_endpoint
from aura.router.smart_router import SmartRouter
from aura.router.trace import Trace
from aura.testing.fault_server import PAUSE
from aura.usage.accounts import Accounts
from aura.usage.budgets import Budgets
from aura.usage.ledger import Ledger


def router_on(url: str) -> SmartRouter:
    """A model that fails at times, one that is well, and one that waits to be left."""
    deadlines = Deadlines(first_token_seconds=60.0, stall_seconds=60.0, total_seconds=120.0)
    names = (("mixed", Tier.FAST), ("ok@b", Tier.REASONING), ("pause", Tier.REASONING))
    candidates = [
        candidate(open_endpoint(name, url, f"key of {name}"), tier=tier, provider="test", price=PRICE)
        for name, tier in names
    ]
    return SmartRouter(candidates, deadlines=deadlines, count_tokens=words)


async def work(told: dict[str, Any]) -> dict[str, Any]:
    """Make the calls; what they came to."""
    database = Database(app_url=told["app_url"], system_url=told["system_url"])
    scope = Scope(tenant_id=TenantId(UUID(told["tenant_id"])), role=Role.ADMIN)
    clock = SystemClock()
    ledger = Ledger(database, scope, clock=clock)
    books = Accounts(database, scope, budgets=Budgets(database, scope, clock=clock), ledger=ledger)
    traces: list[Trace] = []
    whole = CallContext(books=books, on_trace=traces.append, allowed=frozenset({"test/mixed", "test/ok@b"}))
    left = CallContext(books=books, on_trace=traces.append, allowed=frozenset({"test/pause"}))
    router = router_on(told["url"])
    chance, process = random.Random(told["seed"]), psutil.Process()
    counts = {"answered": 0, "failed": 0, "left": 0}
    sizes: list[int] = []

    async def call() -> None:
        leaves = chance.random() < told["leaves"]
        stream = await router.bound(left if leaves else whole).astream_complete("what is this about then")
        pieces = 0
        try:
            async for _ in stream:
                pieces += 1
                if leaves and pieces == PAUSE:
                    await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue]
                    counts["left"] += 1
                    return
            counts["answered"] += 1
        except AuraError:
            counts["failed"] += 1

    async def take(queue: asyncio.Queue[int]) -> None:
        while not queue.empty():
            number = queue.get_nowait()
            await call()
            if number % max(1, told["calls"] // 20) == 0:
                sizes.append(process.memory_info().rss)

    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(told["calls"]):
        queue.put_nowait(number)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(told["at_once"]):
                group.create_task(take(queue))
    finally:
        await router.close()
        await database.close()
    await asyncio.sleep(0)
    return {
        **counts,
        "calls": len(traces),
        "attempts": sum(len(trace.attempts) for trace in traces),
        "cost_micro_usd": sum(trace.cost_micro_usd for trace in traces),
        "tasks": len(asyncio.all_tasks()) - 1,
        "sockets": len(process.net_connections(kind="tcp")),
        "sizes": sizes,
    }


if __name__ == "__main__":
    assert QUICK
    print(json.dumps(asyncio.run(work(json.loads(sys.stdin.readline())))))
