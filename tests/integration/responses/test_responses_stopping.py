"""Who stops an answer stops its model; what was said until then is kept as that."""

from __future__ import annotations

import asyncio

from responses_support import Replicas, Speaker, read, read_until, start, state_of, text_of, until

from aura import Final, Workspace
from aura.answering.response_journal import WRITE_SECONDS
from aura.answering.response_records import State


async def test_stopped_in_the_middle_the_model_is_closed_and_the_rest_is_kept(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica = replicas()
    here = replica.of(acme)
    conversation = await here.conversations.start()
    speaker.hold(20)
    response_id = await start(here, conversation=conversation)
    await read_until(here, response_id, 10)

    await here.responses.stop(response_id)

    events = await read(here, response_id)
    [_, said] = await here.conversations.recent(conversation)
    assert speaker.open == 0
    assert isinstance(events[-1], Final)
    assert events[-1].answer.stopped
    assert events[-1].answer.text == text_of(events[:-1])
    assert (said.text, said.stopped, said.id) == (events[-1].answer.text, True, events[-1].answer.message_id)
    await until(lambda: replica.held == 0)
    assert await state_of(replica.database, here, response_id) == State.STOPPED


async def test_stopped_before_the_first_token_it_ends_empty(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    here = replicas().of(acme)
    speaker.hold(0)
    response_id = await start(here)
    await until(lambda: speaker.open == 1)

    await here.responses.stop(response_id)

    end = (await read(here, response_id))[-1]
    assert isinstance(end, Final)
    assert (end.answer.stopped, end.answer.text) == (True, "")
    assert speaker.open == 0


async def test_stopped_at_once_it_ends_all_the_same(acme: Workspace, speaker: Speaker, replicas: Replicas) -> None:
    here = replicas().of(acme)
    speaker.hold(0)
    response_id = await start(here)

    await here.responses.stop(response_id)

    end = (await read(here, response_id))[-1]
    assert isinstance(end, Final)
    assert end.answer.stopped


async def test_stopping_what_has_ended_changes_nothing(acme: Workspace, replicas: Replicas) -> None:
    here, elsewhere = replicas().of(acme), replicas().of(acme)
    response_id = await start(here)
    whole = await read(here, response_id)

    await here.responses.stop(response_id)
    await until(lambda: not here._parts.responses._journal.runs)
    await elsewhere.responses.stop(response_id)

    assert await read(here, response_id) == whole
    assert isinstance(whole[-1], Final)
    assert not whole[-1].answer.stopped


async def test_stopped_from_another_replica_it_ends_for_readers_on_both(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    here, elsewhere = replicas().of(acme), replicas().of(acme)
    speaker.hold(20)
    response_id = await start(here)
    await read_until(here, response_id, 10)

    await elsewhere.responses.stop(response_id)

    events = await read(here, response_id)
    assert isinstance(events[-1], Final)
    assert events[-1].answer.stopped
    assert await read(elsewhere, response_id) == events
    assert speaker.open == 0


async def test_without_any_reader_the_model_is_stopped_and_the_partial_answer_kept(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    replica = replicas(resume_seconds=0.7)
    here = replica.of(acme)
    conversation = await here.conversations.start()
    speaker.hold(20)
    response_id = await start(here, conversation=conversation)
    await read_until(here, response_id, 10)

    await until(lambda: replica.held == 0)

    [_, said] = await here.conversations.recent(conversation)
    assert said.stopped
    assert said.text.startswith("Stork 0")
    assert speaker.open == 0


async def test_a_reader_elsewhere_counts_as_one(acme: Workspace, speaker: Speaker, replicas: Replicas) -> None:
    replica, other = replicas(resume_seconds=1.5), replicas(resume_seconds=1.5)
    here, elsewhere = replica.of(acme), other.of(acme)
    gate = speaker.hold(20)
    response_id = await start(here)

    listening = asyncio.create_task(read(elsewhere, response_id))
    run = replica.responses._journal.find(here.scope.tenant_id, response_id)
    assert run is not None
    run._heard -= 10  # nobody has listened in that process for long
    await until(lambda: not listening.done() and run.silent_seconds < 0.1)
    await asyncio.sleep(4 * WRITE_SECONDS)  # what would have stopped it, had it come to that
    gate.set()
    events = await listening

    assert isinstance(events[-1], Final)
    assert not events[-1].answer.stopped


async def test_stopping_a_temporary_one_works_alike(acme: Workspace, speaker: Speaker, replicas: Replicas) -> None:
    here = replicas().of(acme)
    speaker.hold(20)
    response_id = await start(here, temporary=True)
    await read_until(here, response_id, 5)

    await here.responses.stop(response_id)

    end = (await read(here, response_id))[-1]
    assert isinstance(end, Final)
    assert end.answer.stopped
    assert end.answer.message_id is None
