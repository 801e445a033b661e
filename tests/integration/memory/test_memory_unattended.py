"""Without a worker anywhere, a process by itself derives from what its users say; with one, it leaves that to the worker."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from memory_support import known, say
from sqlalchemy import text

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.testing.embeddings import HashEmbedding

SILENT_SECONDS = 20.0


async def waiting(aura: Aura) -> list[object]:
    async with aura._parts.turns.unattended(SILENT_SECONDS, rested=False) as talks:
        return [talk.conversation_id for talk in talks]


def opened(data_dir: Path, **settings: float) -> AbstractAsyncContextManager[Aura]:
    chosen = Settings.load(data_dir=data_dir, **settings)
    return Aura.open(chosen, embed_model=HashEmbedding(), llm=ExtractiveLLM(), recover=True)


@pytest.fixture
async def drained(memory_aura: Aura) -> None:
    """What other tests left is not there to wait for."""
    await memory_aura._unattended().derive(rested=False)


async def test_what_is_said_is_learned_while_the_process_runs(drained: None, data_dir: Path, ada: Workspace) -> None:
    async with opened(data_dir, memory_quiet_seconds=0.1):
        await say(ada, "My name is Henrike.")
        deadline = time.monotonic() + 60
        while await known(ada) != ["My name is Henrike"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def test_what_still_waits_is_learned_at_the_end(drained: None, data_dir: Path, ada: Workspace) -> None:
    async with opened(data_dir, memory_quiet_seconds=3_600):
        await say(ada, "My name is Henrike.")
        assert await known(ada) == []
    assert await known(ada) == ["My name is Henrike"]


async def test_a_worker_that_lives_does_it_and_one_that_is_silent_does_not(
    drained: None, memory_aura: Aura, ada: Workspace
) -> None:
    talk = await say(ada, "My name is Henrike.")
    beat = text(
        "INSERT INTO procrastinate.procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => :ago))"
        " RETURNING id"
    )
    for ago, left in ((0.0, []), (60.0, [talk])):
        async with memory_aura._parts.database.system() as session:
            worker = await session.scalar(beat, {"ago": ago})
        assert await waiting(memory_aura) == left
        await memory_aura._parts.turns.forget([worker])


async def test_two_processes_do_not_derive_at_once(drained: None, memory_aura: Aura, ada: Workspace) -> None:
    talk = await say(ada, "My name is Henrike.")
    async with memory_aura._parts.turns.unattended(SILENT_SECONDS, rested=False) as mine:
        assert [each.conversation_id for each in mine] == [talk]
        assert await waiting(memory_aura) == []
    assert await waiting(memory_aura) == [talk]


async def test_a_talk_that_goes_on_is_left_to_rest(drained: None, memory_aura: Aura, ada: Workspace) -> None:
    await say(ada, "My name is Henrike.")
    async with memory_aura._parts.turns.unattended(SILENT_SECONDS, rested=True) as talks:
        assert talks == []
