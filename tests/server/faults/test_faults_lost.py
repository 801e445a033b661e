"""Connections that are lost while the server lives: the answer goes on, wherever it is read, until it is stopped."""

from __future__ import annotations

from pathlib import Path

import httpx
from faults_support import WORDS, Event, Member, Replica, asking, replica, resuming, until


async def first(client: httpx.AsyncClient, count: int) -> list[Event]:
    """The first events of a new answer; then its connection is gone."""
    seen: list[Event] = []
    async with asking(client) as events:
        async for event in events:
            seen.append(event)
            if len(seen) == count:
                break
    return seen


async def rest(server: Replica, member: Member, last: str | None) -> list[Event]:
    assert last is not None
    async with server.client(member.token) as client, resuming(client, last) as events:
        return [event async for event in events]


async def last_answer(server: Replica, member: Member) -> dict[str, object] | None:
    async with server.client(member.token) as client:
        items = (await client.get(f"/chat/history/{member.user_id}", params={"limit": 1})).json()["items"]
        return items[0] if items else None


async def test_an_answer_goes_on_without_its_connection_and_is_read_on_from_both_replicas(
    one: Replica, other: Replica, member: Member
) -> None:
    called = one.count("called") + other.count("called")
    async with one.client(member.token) as client:
        seen = await first(client, 3)
    here, there = await rest(one, member, seen[-1].id), await rest(other, member, seen[-1].id)
    assert here == there  # one answer with one message, not two that are alike
    assert [event.seq for event in seen + here] == list(range(len(seen + here)))
    assert here[-1].data["response"] == "".join(WORDS)
    assert one.count("called") + other.count("called") == called + 1


async def test_a_stop_on_the_other_replica_ends_it_and_what_was_said_is_stored_as_stopped(
    one: Replica, other: Replica, member: Member
) -> None:
    cancelled = one.count("cancelled")
    seen: list[Event] = []
    async with one.client(member.token) as client, asking(client) as events:
        async for event in events:
            seen.append(event)
            if len(seen) == 3:
                async with other.client(member.token) as elsewhere:
                    response_id = str(event.id).partition(":")[0]
                    stopped = await elsewhere.post("/chat/stop", json={"response_id": response_id})
                    assert stopped.status_code == 202, stopped.text
    end = seen[-1]
    assert (end.name, end.data["stopped"]) == ("final", True)
    assert "".join(WORDS).startswith(end.data["response"])
    assert 0 < len(end.data["response"]) < len("".join(WORDS))
    await until(lambda: one.count("cancelled") == cancelled + 1)
    stored = await last_answer(other, member)
    assert stored is not None
    assert (stored["stopped"], stored["text"]) == (True, end.data["response"])


async def test_an_answer_that_nobody_comes_back_for_is_cancelled_and_kept_as_stopped(
    data_dir: Path, other: Replica, member: Member
) -> None:
    async with replica(data_dir, settings={"response_resume_seconds": 1.0}, word_seconds=0.5) as impatient:
        async with impatient.client(member.token) as client:
            seen = await first(client, 3)
        await until(lambda: impatient.count("cancelled") == 1)
        assert impatient.count("done") == 0

        async def stored() -> bool:
            return await last_answer(other, member) is not None

        await until(stored)
        answer = await last_answer(other, member)
        assert answer is not None
        assert answer["stopped"]
        assert str(answer["text"]).startswith("".join(event.data.get("text", "") for event in seen))
        end = (await rest(other, member, seen[-1].id))[-1]
        assert (end.name, end.data["stopped"], end.data["response"]) == ("final", True, answer["text"])
