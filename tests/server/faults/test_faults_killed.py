"""A server that is killed in the middle of an answer: its clients read on from another one and miss nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from faults_support import QUESTION, SHORT_LEASE, WORDS, Event, Member, Replica, asking, plain, replica, resuming
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

KILLED_AFTER = 6
"""Events that the client has when the server dies."""


async def uninterrupted(server: Replica, member: Member) -> list[Event]:
    async with server.client(member.token) as client, asking(client) as events:
        return [event async for event in events]


async def test_who_resumes_on_another_server_has_what_an_uninterrupted_client_has(
    data_dir: Path, other: Replica, member: Member
) -> None:
    seen: list[Event] = []
    async with replica(data_dir, settings=SHORT_LEASE) as doomed, doomed.client(member.token) as client:
        with pytest.raises(httpx.TransportError):  # noqa: PT012
            async with asking(client) as events:
                async for event in events:
                    seen.append(event)
                    if len(seen) == KILLED_AFTER:
                        await doomed.kill()
    assert KILLED_AFTER <= len(seen) < len(WORDS)
    last = seen[-1].id
    assert last is not None
    async with other.client(member.token) as client, resuming(client, last) as events:
        seen += [event async for event in events]
    assert [event.seq for event in seen] == list(range(len(seen)))
    assert len({event.id.partition(":")[0] for event in seen if event.id}) == 1
    assert plain(seen) == plain(await uninterrupted(other, member))
    assert seen[-1].data["response"] == "".join(WORDS)


async def test_the_same_holds_for_a_socket(data_dir: Path, other: Replica, member: Member) -> None:
    seen: list[Event] = []
    async with replica(data_dir, settings=SHORT_LEASE) as doomed, socket_of(doomed, member) as socket:
        await socket.send(json.dumps({"type": "message", **QUESTION}))
        with pytest.raises(ConnectionClosed):  # noqa: PT012
            while True:
                seen.append(await next_event(socket))
                if len(seen) == KILLED_AFTER:
                    await doomed.kill()
    async with socket_of(other, member) as socket:
        response_id, _, seq = str(seen[-1].id).rpartition(":")
        await socket.send(json.dumps({"type": "resume", "response_id": response_id, "seq": int(seq)}))
        while seen[-1].name != "final":
            seen.append(await next_event(socket))
    assert plain(seen) == plain(await uninterrupted(other, member))


async def test_the_turn_is_stored_once(data_dir: Path, other: Replica, member: Member) -> None:
    async with replica(data_dir, settings=SHORT_LEASE) as doomed, doomed.client(member.token) as client:
        with pytest.raises(httpx.TransportError):  # noqa: PT012
            async with asking(client) as events:
                last = await anext(events)
                await doomed.kill()
                async for event in events:
                    last = event
    async with other.client(member.token) as client:
        assert last.id is not None
        async with resuming(client, last.id) as events:
            end = [event async for event in events][-1]
        history = (await client.get(f"/chat/history/{member.user_id}")).json()["items"]
    assert [message["role"] for message in history] == ["assistant", "user"]
    assert history[0]["message_id"] == end.data["message_id"]
    assert history[0]["text"] == end.data["response"]
    assert not history[0]["stopped"]


def socket_of(server: Replica, member: Member) -> connect:
    """A connection of the stock client."""
    url = server.url.replace("http://", "ws://") + "/ws/chat"
    return connect(url, additional_headers={"Authorization": f"Bearer {member.token}"})


async def next_event(socket: ClientConnection) -> Event:
    """The next event but pings, in the form that a server-sent one has."""
    while True:
        message: dict[str, Any] = json.loads(await socket.recv())
        name = message.pop("type")
        if name != "ping":
            return Event(name=name, id=f"{message.pop('response_id')}:{message.pop('seq')}", data=message)
