"""A process that takes calls of a quota, as many as it is told at once, when it is told to go."""

from __future__ import annotations

import asyncio
import json
import sys

import msgspec

from aura.database.engine import Database
from aura.errors import LimitExceeded
from aura.identity import Role, Scope
from aura.settings import Settings
from aura.tenants.values import Organisation
from aura.testing.clock import FixedClock
from aura.usage.quotas import Charge, Quotas


async def race() -> dict[str, int]:
    told = json.loads(sys.stdin.readline())
    organisation = msgspec.convert(told["organisation"], Organisation)
    database = Database(app_url=told["app_url"], system_url=told["system_url"])
    scope = Scope(tenant_id=organisation.id, role=Role.ADMIN)
    quotas = Quotas(database, scope, organisation, settings=Settings(), clock=FixedClock())
    try:
        await quotas.remaining()  # connected
        print("ready", flush=True)
        sys.stdin.readline()
        calls = (quotas.take(Charge.CALL) for _ in range(told["tries"]))
        results = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await database.close()
    return {
        "passed": sum(isinstance(result, tuple) for result in results),
        "refused": sum(isinstance(result, LimitExceeded) for result in results),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(race())))
