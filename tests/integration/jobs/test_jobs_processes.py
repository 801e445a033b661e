"""Worker processes come and go with their supervisor, and the queue outlives its database."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import jobs_support
import psutil
import pytest
from jobs_support import PACE, WORKING, note, organisation, place, says, settings, tasks, until, worker_process, working

from aura import Aura
from aura.answering.extractive import ExtractiveLLM
from aura.database import postmaster
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.documents.values import Stage
from aura.errors import Unavailable
from aura.jobs.supervisor import Supervisor
from aura.testing.embeddings import HashEmbedding

pytestmark = pytest.mark.asyncio(loop_scope="session")

SLEEPER = "import sys; sys.stdin.read()"
SUPERVISING = f"""
import asyncio
from aura.jobs.supervisor import Supervisor
async def main():
    async with Supervisor([{sys.executable!r}, "-c", {SLEEPER!r}]).running() as supervisor:
        while supervisor.workers[0].pid is None:
            await asyncio.sleep(0.05)
        print(supervisor.workers[0].pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_worker_that_dies_is_started_again_and_stops_with_its_supervisor() -> None:
    async with Supervisor((sys.executable, "-c", SLEEPER), count=2).running() as supervisor:

        async def running() -> bool:
            return all(worker.pid is not None for worker in supervisor.workers)

        await until(running, seconds=60)
        first = supervisor.workers[0].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)

        async def again() -> bool:
            return supervisor.workers[0].starts == 2 and await running()

        await until(again, seconds=60)
        pids = [worker.pid for worker in supervisor.workers]
        assert supervisor.workers[1].starts == 1
    assert all([await gone(pid) for pid in pids if pid is not None])


async def test_no_worker_outlives_a_supervisor_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISING, stdout=PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert not await gone(pid)
    parent.kill()
    await parent.wait()
    await until(lambda: gone(pid), seconds=60)


async def test_the_command_ends_when_its_parents_pipe_does(jobs_dir: Path, aura: Aura) -> None:
    async with worker_process(jobs_dir, parent=True) as worker:
        await says(worker, WORKING)
        assert worker.stdin is not None
        worker.stdin.close()
        async with asyncio.timeout(60):
            assert await worker.wait() == 0


async def test_the_command_ends_on_sigterm(jobs_dir: Path, aura: Aura) -> None:
    async with worker_process(jobs_dir) as worker:
        await says(worker, WORKING)
        worker.terminate()
        async with asyncio.timeout(60):
            assert await worker.wait() in (0, -signal.SIGTERM)


async def test_no_document_is_lost_when_the_database_restarts_under_load() -> None:
    with place() as data_dir:
        server = await asyncio.to_thread(EmbeddedServer.start, data_dir)
        try:
            options = {"embed_model": HashEmbedding(), "llm": ExtractiveLLM(), "recover": False, "warm": False}
            async with Aura.open(settings(data_dir), **options) as aura:
                records = aura._parts.database
                acme = await organisation(aura)
                await jobs_support.queue_many(records, acme, data_dir, 30)

                async def some() -> bool:
                    return await tasks(records, acme.scope.tenant_id) <= 25

                async def none_left() -> bool:
                    try:
                        return await tasks(records, acme.scope.tenant_id) == 0
                    except Unavailable:
                        return False

                async with working(aura, pace=PACE):
                    await until(some)
                    await asyncio.to_thread(postmaster.stop, server._directory)
                    with pytest.raises(Unavailable) as raised:
                        await acme.documents.add(note(99), "late.txt")
                    assert raised.value.retry_after_seconds > 0
                    await asyncio.to_thread(server.ensure_running)
                    await until(none_left, seconds=300)
                assert await jobs_support.stages(records, acme.scope.tenant_id) == {Stage.READY: 30}
        finally:
            await asyncio.to_thread(server.stop)


async def test_a_worker_that_starts_before_its_database_waits_for_it(records: Database) -> None:
    with place() as data_dir:
        server = await asyncio.to_thread(EmbeddedServer.start, data_dir)
        try:
            options = {"embed_model": HashEmbedding(), "llm": ExtractiveLLM(), "recover": False, "warm": False}
            async with Aura.open(settings(data_dir), **options) as aura:
                acme = await organisation(aura)
                document, _ = await acme.documents.add(note(1), "note.txt")
                await asyncio.to_thread(postmaster.stop, server._directory)
                stop = asyncio.Event()
                running = asyncio.create_task(aura.worker(pace=PACE).run(stop))
                await asyncio.sleep(1)
                assert not running.done()
                await asyncio.to_thread(server.ensure_running)

                async def ready() -> bool:
                    return (await acme.documents.get(document.id)).stage is Stage.READY

                await until(ready)
                stop.set()
                await running
        finally:
            await asyncio.to_thread(server.stop)
