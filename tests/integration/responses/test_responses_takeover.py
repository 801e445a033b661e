"""The process that generates dies: another goes on, and nobody who reads can tell, or is told that it can not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from uuid import UUID

import msgspec
import responses_support
from responses_support import (
    QUESTION,
    SHORT_LEASE_SECONDS,
    WORDS,
    Replica,
    Replicas,
    Speaker,
    plain,
    read,
    read_until,
    start,
    state_of,
    stored_events,
    text_of,
    until,
)

from aura import AnswerEvent, Delta, Failed, Final, Workspace
from aura.answering.events import AnyEvent
from aura.answering.response_records import State
from aura.identity import ConversationId


async def dead(
    replica: Replica, acme: Workspace, speaker: Speaker, conversation: ConversationId | None = None
) -> tuple[UUID, list[AnswerEvent]]:
    """A response whose process died in its middle, and what its reader had seen."""
    here = replica.of(acme)
    gate = speaker.hold(20)
    response_id = await start(here, conversation=conversation)
    seen = await read_until(here, response_id, 10)
    await until(lambda: stored_some(replica, acme, response_id))
    await replica.die()
    gate.set()
    return response_id, seen


async def stored_some(replica: Replica, acme: Workspace, response_id: UUID) -> bool:
    return await stored_events(replica.database, acme, response_id) > 3


async def test_another_replica_goes_on_and_the_union_is_an_uninterrupted_run(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    other = replicas()
    elsewhere = other.of(acme)
    conversation = await elsewhere.conversations.start()
    response_id, seen = await dead(replicas(lease_seconds=SHORT_LEASE_SECONDS), acme, speaker, conversation)

    rest = await read(elsewhere, response_id, seen[-1].seq)

    union = seen + rest
    assert [event.seq for event in union] == list(range(len(union)))
    undisturbed = await read(elsewhere, await start(elsewhere))
    assert [comparable(event) for event in union] == [comparable(event) for event in undisturbed]
    assert isinstance(union[-1], Final)
    asked, said = await elsewhere.conversations.recent(conversation)
    assert (asked.text, said.text, said.id) == (QUESTION, union[-1].answer.text, union[-1].answer.message_id)
    assert await read(elsewhere, response_id) == union


async def test_one_replica_alone_takes_it_over(acme: Workspace, speaker: Speaker, replicas: Replicas) -> None:
    response_id, seen = await dead(replicas(lease_seconds=SHORT_LEASE_SECONDS), acme, speaker)
    others = [replicas().of(acme) for _ in range(3)]

    rests = await asyncio.gather(*(read(other, response_id, seen[-1].seq) for other in others))

    assert speaker.calls == 2
    assert rests[0] == rests[1] == rests[2]
    assert isinstance(rests[0][-1], Final)


async def test_a_turn_that_was_stored_before_the_process_died_is_stored_once_and_is_no_history_of_itself(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    first, other = replicas(lease_seconds=SHORT_LEASE_SECONDS), replicas()
    elsewhere = other.of(acme)
    conversation = await elsewhere.conversations.start()
    response_id, _ = await dead(first, acme, speaker, conversation)
    request = (await elsewhere.responses.get(response_id)).request
    whole = await read(elsewhere, await start(elsewhere))
    assert isinstance(whole[-1], Final)
    answer = msgspec.structs.replace(whole[-1].answer, response_id=response_id)
    await elsewhere.conversations.add_turn(conversation, QUESTION, answer, message_id=request.message_id)

    end = (await read(elsewhere, response_id))[-1]

    assert isinstance(end, Final)
    assert len(await elsewhere.conversations.recent(conversation)) == 2
    assert speaker.asked[-1] == speaker.asked[0]
    assert end.answer.message_id == request.message_id


async def test_a_model_that_says_something_else_now_ends_it_with_an_error_and_splices_nothing(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    elsewhere = replicas().of(acme)
    conversation = await elsewhere.conversations.start()
    speaker.says(WORDS, [f"Heron {n} flies. " for n in range(40)])
    response_id, _ = await dead(replicas(lease_seconds=SHORT_LEASE_SECONDS), acme, speaker, conversation)

    events = await read(elsewhere, response_id)

    assert isinstance(events[-1], Failed)
    assert (events[-1].kind, events[-1].message) == ("Unavailable", "the answer was interrupted; ask again")
    [_, said] = await elsewhere.conversations.recent(conversation)
    assert "Heron" not in said.text + text_of(events)
    assert said.stopped
    assert said.text == text_of(event for event in events if isinstance(event, Delta))
    assert (await elsewhere.responses.get(response_id)).state is State.INTERRUPTED


async def test_who_had_heard_more_than_was_stored_is_told_of_the_interruption_too(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    elsewhere = replicas().of(acme)
    speaker.says(WORDS, ["Herons fly. "])
    response_id, _ = await dead(replicas(lease_seconds=SHORT_LEASE_SECONDS), acme, speaker)

    [only] = await read(elsewhere, response_id, 1000)
    [again] = await read(elsewhere, response_id, 1000)

    assert isinstance(only, Failed)
    assert only == again


async def test_what_nobody_generates_can_be_stopped(acme: Workspace, speaker: Speaker, replicas: Replicas) -> None:
    elsewhere = replicas().of(acme)
    response_id, _ = await dead(replicas(lease_seconds=SHORT_LEASE_SECONDS), acme, speaker)
    await until(lambda: abandoned(elsewhere, response_id))

    await elsewhere.responses.stop(response_id)

    events = await read(elsewhere, response_id)
    assert isinstance(events[-1], Final)
    assert events[-1].answer.stopped
    assert events[-1].answer.text == text_of(events[:-1])
    assert speaker.calls == 1


async def test_an_orderly_end_hands_it_over_at_once_with_all_that_was_said(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    first, other = replicas(), replicas()
    here, elsewhere = first.of(acme), other.of(acme)
    gate = speaker.hold(20)
    response_id = await start(here)
    reader = asyncio.create_task(read(here, response_id))
    seen = await read_until(here, response_id, 10)

    await first.responses.close()

    broken = await reader
    assert isinstance(broken[-1], Failed)
    assert broken[-1].seq == broken[-2].seq >= seen[-1].seq
    assert await stored_events(other.database, acme, response_id) == len(broken) - 1
    assert (await elsewhere.responses.get(response_id)).abandoned
    gate.set()
    union = broken[:-1] + await read(elsewhere, response_id, broken[-1].seq)
    assert [event.seq for event in union] == list(range(len(union)))
    assert isinstance(union[-1], Final)
    assert speaker.open == 0


async def test_who_was_replaced_writes_no_more(acme: Workspace, speaker: Speaker, replicas: Replicas) -> None:
    first, other = replicas(lease_seconds=SHORT_LEASE_SECONDS), replicas()
    here, elsewhere = first.of(acme), other.of(acme)
    gate = speaker.hold(20)
    response_id = await start(here)
    reader = asyncio.create_task(read(here, response_id))
    await read_until(here, response_id, 10)
    await until(lambda: stored_some(other, acme, response_id))

    first.database.away = True
    rest = asyncio.create_task(read(elsewhere, response_id))
    await until(lambda: other.held == 1)
    first.database.away = False
    await until(lambda: first.held == 0)
    gate.set()

    whole = await rest
    assert isinstance(whole[-1], Final)
    assert (await reader)[: len(whole)] == whole
    assert await read(elsewhere, response_id) == whole


async def test_a_killed_process_is_followed_by_another_and_the_union_is_an_uninterrupted_run(
    acme: Workspace, speaker: Speaker, replicas: Replicas, data_dir: Path
) -> None:
    other = replicas()
    elsewhere = other.of(acme)
    conversation = await elsewhere.conversations.start()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, responses_support.__file__),
        *(str(data_dir), acme.organisation.subdomain, str(conversation)),
        stdout=PIPE,
    )
    assert process.stdout is not None
    seen: list[AnswerEvent] = []
    async with asyncio.timeout(120):
        response_id = UUID((await process.stdout.readline()).decode().strip())
        while len(seen) < 12:
            line = await process.stdout.readline()
            seen.append(plain(msgspec.json.decode(line, type=AnyEvent)))
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()

    rest = await read(elsewhere, response_id, seen[-1].seq)

    union = seen + rest
    assert [event.seq for event in union] == list(range(len(union)))
    assert isinstance(union[-1], Final)
    undisturbed = await read(elsewhere, await start(elsewhere))
    assert [comparable(event) for event in union] == [comparable(event) for event in undisturbed]
    [_, said] = await elsewhere.conversations.recent(conversation)
    assert said.text == union[-1].answer.text


async def test_purging_ends_what_nobody_came_back_for_and_deletes_what_is_old(
    acme: Workspace, speaker: Speaker, replicas: Replicas
) -> None:
    keeper = replicas(resume_seconds=0.5)
    elsewhere = keeper.of(acme)
    conversation = await elsewhere.conversations.start()
    response_id, _ = await dead(replicas(lease_seconds=SHORT_LEASE_SECONDS), acme, speaker, conversation)
    fresh = await start(elsewhere)
    await read(elsewhere, fresh)
    await until(lambda: keeper.held == 0)
    await until(lambda: abandoned(elsewhere, response_id))

    assert await keeper.responses.purge(acme.scope.tenant_id, hours=1) == 0
    assert await state_of(keeper.database, acme, response_id) == State.STOPPED
    [_, said] = await elsewhere.conversations.recent(conversation)
    assert said.stopped
    assert said.text.startswith("Stork 0")

    assert await keeper.responses.purge(acme.scope.tenant_id, hours=0) == 2
    assert await state_of(keeper.database, acme, fresh) is None


async def abandoned(workspace: Workspace, response_id: UUID) -> bool:
    return (await workspace.responses.get(response_id)).abandoned


def comparable(event: AnswerEvent) -> object:
    """What two responses to the same question share."""
    values = msgspec.to_builtins(plain(event))
    for ids in (values, values.get("answer", {})):
        for name in ("response_id", "message_id", "conversation_id", "model"):
            ids.pop(name, None)
    return values
