"""What opens a stream that can send no header; and what is refused before an upload is read."""

from __future__ import annotations

import json

import httpx
import msgspec
import pytest
from server_support import Served, Tenant, bearer, client_of, new_tenant
from websockets.asyncio.client import connect

from aura import Aura
from aura.identity import Role
from aura.tenants.organisations import Organisations
from aura.tenants.values import PlanChanges, UserChanges
from aura_server import create_app, sockets


async def ticket(client: httpx.AsyncClient, tenant: Tenant) -> str:
    answer = await client.post("/api/ticket", headers=bearer(tenant.tokens[Role.USER]))
    assert answer.status_code == 201
    return answer.json()["ticket"]


async def first_event(address: str, token: str) -> tuple[int, str]:
    """The status of the events of documents with `token` in the address, and their first line."""
    async with (
        httpx.AsyncClient() as client,
        client.stream(
            "GET", f"{address}/documents/events", params={"token": token, "since": "2020-01-01T00:00:00Z"}
        ) as r,
    ):
        if r.status_code != 200:
            return r.status_code, (await r.aread()).decode()
        async for line in r.aiter_lines():
            return r.status_code, line
    raise AssertionError("the stream ended without an event")


async def test_an_event_source_opens_with_a_ticket_once(address: str, client: httpx.AsyncClient, acme: Tenant) -> None:
    mine = await ticket(client, acme)
    assert await first_event(address, mine) == (200, "event: document")
    assert (await first_event(address, mine))[0] == 401


async def test_an_api_key_opens_nothing_from_an_address(address: str, acme: Tenant) -> None:
    status, said = await first_event(address, acme.keys[Role.USER])
    assert status == 401
    assert "POST /api/ticket" in said


async def test_other_routes_take_no_token_from_the_address(client: httpx.AsyncClient, acme: Tenant) -> None:
    answer = await client.get("/documents/", params={"token": acme.tokens[Role.USER]})
    assert answer.status_code == 401


async def test_a_socket_beats_also_while_nothing_is_asked(
    address: str, client: httpx.AsyncClient, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "HEARTBEAT_SECONDS", 0.02)
    url = address.replace("http", "ws", 1)
    async with connect(f"{url}/ws/chat?token={await ticket(client, acme)}") as socket:
        assert json.loads(await socket.recv()) == {"type": "ping"}
        assert json.loads(await socket.recv()) == {"type": "ping"}


async def test_where_signup_is_closed_nobody_makes_an_organisation(world: Served, acme: Tenant) -> None:
    settings = world.aura.settings.model_copy(update={"signup": "closed"})
    parts = msgspec.structs.replace(world.aura._parts, settings=settings)
    aura = Aura(parts, Organisations(parts.database, passwords=parts.passwords, clock=parts.clock))
    admin = bearer(acme.tokens[Role.ADMIN])
    async with client_of(create_app(aura)) as client:
        for path, headers in (("/api/signup", {}), ("/signup", {}), ("/tenant/import", admin)):
            answer = await client.post(path, headers=headers, content=b"not even read")
            assert (answer.status_code, "operator" in answer.json()["detail"]) == (403, True), path


async def test_who_may_not_upload_is_told_before_the_file_is_read(world: Served, client: httpx.AsyncClient) -> None:
    tenant = await new_tenant(world.aura, "uploads")
    member = (await world.aura.workspace("uploads", "user@uploads.test")).user
    assert member is not None
    for headers in (bearer(tenant.tokens[Role.MANAGER]), bearer(tenant.keys[Role.USER])):
        answer = await client.post("/tenant/import", headers=headers, content=b"no form at all")
        assert answer.status_code == 403
    await tenant.programs.users.update(member.id, UserChanges(can_upload_documents=False))
    answer = await client.post("/documents/", headers=bearer(tenant.tokens[Role.USER]), content=b"no form at all")
    assert answer.status_code == 403
    await world.aura.tenants.set_plan(tenant.programs.organisation.id, PlanChanges(max_storage_gb=0))
    answer = await client.post("/documents/", headers=bearer(tenant.tokens[Role.ADMIN]), content=b"no form at all")
    assert answer.status_code == 402
    assert answer.json()["limit"] == "max_storage_gb"
