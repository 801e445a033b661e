"""What anybody may know of the server's health, and what admins may."""

from __future__ import annotations

import asyncio

import httpx
from server_support import Served, bearer

from aura.identity import Role


async def test_anybody_sees_which_parts_are_well_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["mode"] == "multi-tenant"
    assert body["services"]["tenant_manager"] == "ok"
    assert body["services"]["voice"] == "ok"
    assert body["apis"]["openai"] == {"status": "off", "failures": 0}
    assert "reason" not in answer.text


async def test_without_a_worker_the_server_says_so_and_with_one_all_is_well(
    world: Served, client: httpx.AsyncClient
) -> None:
    admin = bearer(world.acme.tokens[Role.ADMIN])

    async def worker() -> dict[str, object]:
        parts = (await client.get("/admin/health", headers=admin)).json()["parts"]
        return next(part for part in parts if part["name"] == "worker")

    alone = await worker()
    assert alone["status"] == "degraded"
    assert "aura worker" in str(alone["reason"])
    assert (await client.get("/health")).json()["status"] == "degraded"
    stop = asyncio.Event()
    working = asyncio.create_task(world.aura.worker().run(stop))
    try:
        async with asyncio.timeout(60):
            while (await worker())["status"] != "ok":  # noqa: ASYNC110  # it tells nobody when it has begun
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await working


async def test_the_reasons_are_for_admins(world: Served, client: httpx.AsyncClient) -> None:
    for role in (Role.MANAGER, Role.USER):
        answer = await client.get("/admin/health", headers=bearer(world.acme.tokens[role]))
        assert answer.status_code == 403
