"""Two processes, faults and consumers that leave: the ledger is the provider's own log, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import budget_reservations, usage
from aura.identity import Scope
from aura.testing.fault_server import FaultServer

WORKER = Path(__file__).with_name("router_worker.py")
CALLS = int(os.environ.get("ROUTER_TEST_CALLS", "150"))
"""Of each process. `ROUTER_TEST_CALLS=5000` makes it the run of 10,000 that the issue asks for."""


async def worked(server: EmbeddedServer, acme: Scope, url: str, *, calls: int, seed: int) -> dict[str, Any]:
    told = {
        "app_url": server.url("aura_app"),
        "system_url": server.url("aura_system"),
        "tenant_id": str(acme.tenant_id),
        "url": url,
        "calls": calls,
        "at_once": 8,
        "leaves": 0.05,
        "seed": seed,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, WORKER, stdin=PIPE, stdout=PIPE)
    try:
        out, _ = await process.communicate(json.dumps(told).encode() + b"\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return json.loads(out)


async def test_the_ledger_of_two_processes_is_the_providers_own_log(
    server: EmbeddedServer, database: Database, acme: Scope
) -> None:
    async with FaultServer(chunks=24, retry_after_seconds=0) as provider:
        ends = await asyncio.gather(*(worked(server, acme, provider.url, calls=CALLS, seed=seed) for seed in (1, 2)))
        async with database.tenant(acme) as session:
            spent = select(func.count(), func.sum(usage.c.cost_micro_usd)).where(visible(usage, acme))
            count, cost = (await session.execute(spent)).one()
            held = select(func.count()).select_from(budget_reservations).where(visible(budget_reservations, acme))
            assert (await session.execute(held)).scalar_one() == 0
        faults = {hit.fault for hit in provider.hits}
        connections = provider.connections
    print(f"calls {2 * CALLS}, attempts {count}, micro-dollars {cost}, the provider's {provider.cost_micro_usd}", ends)
    assert sum(end["calls"] for end in ends) == 2 * CALLS
    assert sum(end["attempts"] for end in ends) == len(provider.hits) == count
    assert int(cost) == provider.cost_micro_usd == sum(end["cost_micro_usd"] for end in ends)
    assert {"ok", "pause"} < faults
    assert sum(end["left"] for end in ends) > 0
    assert sum(end["failed"] for end in ends) < 2 * CALLS * 0.1
    assert [end["tasks"] for end in ends] == [0, 0]
    assert connections == 0
