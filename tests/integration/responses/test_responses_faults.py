"""A part that goes away while an answer is under way: an event says so, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from responses_support import SHORT_LEASE_SECONDS, Replicas, Speaker, read, read_until, start, text_of, until

from aura import Delta, Failed, Final, Workspace
from aura.errors import InvalidRequest, NotFound


async def test_a_model_that_fails_ends_it_with_its_error_for_every_reader(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    here, elsewhere = replicas().of(acme), replicas().of(acme)
    speaker.fails(httpx.ConnectError("no route"))
    response_id = await start(here)

    events = await read(here, response_id)

    assert isinstance(events[-1], Failed)
    assert events[-1].kind == "Unavailable"
    assert await read(elsewhere, response_id) == events
    assert await read(elsewhere, response_id, events[-1].seq) == []


async def test_a_turn_that_was_to_be_replaced_stays_where_the_new_answer_fails_and_goes_with_one_that_stands(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    here = replicas().of(acme)
    conversation = await here.conversations.start()
    for text in ("first?", "second?", "third?"):
        await read(here, await start(here, text, conversation=conversation))
    before = await here.conversations.recent(conversation)
    assert len(before) == 6
    speaker.fails(httpx.ConnectError("no route"))
    failed = await read(here, await start(here, "2nd?", conversation=conversation, replaces=before[3].id))
    assert isinstance(failed[-1], Failed)
    assert await here.conversations.recent(conversation) == before

    speaker.forget()
    end = (await read(here, await start(here, "2nd?", conversation=conversation, replaces=before[3].id)))[-1]

    assert isinstance(end, Final)
    asked = [each.text for each in await here.conversations.recent(conversation) if each.role == "user"]
    assert asked == ["first?", "2nd?"]
    (prompt,) = speaker.asked
    assert "first?" in "\n".join(prompt)
    assert not {"second?", "third?"} & set(prompt)
    with pytest.raises(NotFound, match="no such message"):
        await start(here, "2nd?", conversation=conversation, replaces=before[3].id)
    with pytest.raises(InvalidRequest, match="replaces"):
        await start(here, "2nd?", conversation="new", replaces=end.answer.message_id)


async def test_a_short_absence_of_the_database_is_not_noticed(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica = replicas()
    here, elsewhere = replica.of(acme), replicas().of(acme)
    gate = speaker.hold(20)
    response_id = await start(here)
    await read_until(here, response_id, 10)
    replica.database.away = True
    gate.set()
    whole = await read(here, response_id)
    replica.database.away = False
    await until(lambda: replica.held == 0)

    assert isinstance(whole[-1], Final)
    assert await read(elsewhere, response_id) == whole


async def test_a_database_that_stays_away_ends_every_stream_with_an_error(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica, other = (replicas(lease_seconds=SHORT_LEASE_SECONDS) for _ in range(2))
    here, elsewhere = replica.of(acme), other.of(acme)
    speaker.hold(20)
    response_id = await start(here)
    readers = [asyncio.create_task(read(w, response_id)) for w in (here, elsewhere)]
    await read_until(elsewhere, response_id, 5)
    replica.database.away = other.database.away = True

    for events in await asyncio.gather(*readers):
        assert isinstance(events[-1], Failed)
        assert events[-1].kind == "Unavailable"
        assert events[-1].seq == events[-2].seq
        assert text_of(event for event in events if isinstance(event, Delta)).startswith("Stork 0")
    assert replica.held == 0
    assert speaker.open == 0
