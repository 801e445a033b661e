"""A response is generated once, apart from who reads it, and reads the same from any place on any replica."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from responses_support import (
    QUESTION,
    Replicas,
    Speaker,
    read,
    read_until,
    rows_of,
    start,
    state_of,
    stored_events,
    text_of,
    until,
)

from aura import Final, InvalidRequest, Sources, Workspace
from aura.answering.response_records import State


async def test_reading_begins_with_the_sources_and_ends_with_the_whole_answer(acme: Workspace) -> None:
    events = await read(acme, await start(acme))

    assert isinstance(events[0], Sources)
    assert isinstance(events[-1], Final)
    assert [event.seq for event in events] == list(range(len(events)))
    assert events[-1].answer.text == text_of(events).strip() or events[-1].answer.text == text_of(events)
    assert len(events) > 20


async def test_reading_on_from_any_place_gives_exactly_the_rest(acme: Workspace, replicas: Replicas) -> None:
    here = replicas().of(acme)
    response_id = await start(here)
    whole = await read(here, response_id)
    elsewhere = replicas().of(acme)

    for after in (-1, 0, 1, len(whole) // 2, len(whole) - 2, len(whole) - 1):
        assert await read(here, response_id, after) == whole[after + 1 :]
        assert await read(elsewhere, response_id, after) == whole[after + 1 :]


async def test_a_reader_who_comes_back_while_it_runs_misses_and_repeats_nothing(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    here = replicas().of(acme)
    gate = speaker.hold(20)
    response_id = await start(here)

    first = await read_until(here, response_id, 5)
    rest = asyncio.create_task(read(here, response_id, first[-1].seq))
    gate.set()

    whole = await read(here, response_id)
    assert first + await rest == whole
    assert speaker.calls == 1


async def test_readers_at_once_here_and_elsewhere_see_the_same(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    here, elsewhere = replicas().of(acme), replicas().of(acme)
    gate = speaker.hold(20)
    response_id = await start(here)
    readers = [asyncio.create_task(read(w, response_id)) for w in (here, here, elsewhere)]
    await read_until(elsewhere, response_id, 5)
    gate.set()

    first, *others = await asyncio.gather(*readers)

    assert len(first) > 20
    assert all(other == first for other in others)
    assert speaker.calls == 1


async def test_a_reader_who_goes_away_stops_nothing_and_the_turn_is_stored_once(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica = replicas()
    here = replica.of(acme)
    conversation = await here.conversations.start()
    gate = speaker.hold(20)
    response_id = await start(here, conversation=conversation)
    await read_until(here, response_id, 2)
    gate.set()
    await until(lambda: replica.held == 0)

    end = (await read(here, response_id))[-1]

    asked, said = await here.conversations.recent(conversation)
    assert isinstance(end, Final)
    assert (asked.text, said.text, said.id) == (QUESTION, end.answer.text, end.answer.message_id)
    assert not said.stopped


async def test_a_reader_who_never_reads_keeps_nothing_in_memory(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica = replicas()
    here = replica.of(acme)
    response_id = await start(here)
    async with aclosing(here.responses.read(response_id)) as stuck:
        first = await anext(stuck)
        await until(lambda: replica.held == 0)
        assert await state_of(replica.database, here, response_id) == State.ENDED
        rest = [event async for event in stuck]

    assert [event.seq for event in [first, *rest]] == list(range(len(rest) + 1))


async def test_an_answer_costs_few_writes_however_many_pieces_it_has(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica = replicas()
    here = replica.of(acme)
    speaker.says([f"Word {n}. " for n in range(500)])
    response_id = await start(here)

    events = await read(here, response_id)
    await until(lambda: replica.held == 0)

    assert len(events) > 300
    assert await stored_events(replica.database, here, response_id) == len(events)
    assert await rows_of(replica.database, here, response_id) <= len(events) / 20


async def test_a_hundred_responses_that_are_broken_off_leave_no_task_behind(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica = replicas()
    here = replica.of(acme)
    speaker.hold(1)
    await until(lambda: True)
    before = len(asyncio.all_tasks())

    for _ in range(100):
        response_id = await start(here)
        await read_until(here, response_id, 0)
        await here.responses.stop(response_id)

    await until(lambda: replica.held == 0 and len(asyncio.all_tasks()) <= before)
    assert speaker.open == 0


async def test_a_temporary_question_is_in_memory_alone(acme: Workspace, speaker: Speaker, replicas: Replicas) -> None:
    replica, other = replicas(resume_seconds=0.6), replicas()
    here = replica.of(acme)
    conversation = await here.conversations.start()
    response_id = await start(here, conversation=conversation, temporary=True)

    assert isinstance((await read(here, response_id))[-1], Final)
    assert (await here.responses.get(response_id)).state is State.ENDED
    assert await state_of(other.database, here, response_id) is None
    assert await here.conversations.recent(conversation) == []
    await until(lambda: replica.held == 0)


async def test_what_the_database_can_not_hold_is_left_out_for_every_reader(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    here, elsewhere = replicas().of(acme), replicas().of(acme)
    speaker.says(["A stork\0 stands \ud800here. "])
    response_id = await start(here, "What is\0 this?")

    events = await read(here, response_id)

    assert text_of(events).strip().startswith("A stork stands here.")
    assert await read(elsewhere, response_id) == events


async def test_an_empty_message_is_refused_before_anything_begins(acme: Workspace) -> None:
    with pytest.raises(InvalidRequest):
        await start(acme, "  ")
