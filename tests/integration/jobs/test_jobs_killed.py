"""A worker is killed in each stage: another takes over, the document is ready once, and nothing half done is found."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from jobs_support import STOPPED, WORKING, kill, says, tasks, until, worker_process
from sqlalchemy import func, select, text

from aura import Aura, Workspace
from aura.database.engine import Database
from aura.database.tables import chunks, webhook_deliveries
from aura.documents.values import Stage
from aura.index.generations import index_lock

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHAPTERS = 500


def book() -> bytes:
    return "\n\n".join(
        f"# Chapter {number}\n\nThe heron number {number} flies over the lake with {number * 7} friends."
        for number in range(CHAPTERS)
    ).encode()


@pytest.mark.parametrize("stage", [Stage.PARSING, Stage.SPLITTING, Stage.EMBEDDING, Stage.INDEXING])
async def test_a_document_whose_worker_is_killed_is_finished_by_another(
    stage: Stage, aura: Aura, acme: Workspace, records: Database, jobs_dir: Path
) -> None:
    await acme.webhooks.create("http://127.0.0.1:9/", ["document.ready"])
    held, let_go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with records.tenant(acme.scope.as_service()) as session, index_lock(session, acme.scope.tenant_id):
            await session.execute(text("SELECT 1"))
            held.set()
            await let_go.wait()

    async with asyncio.TaskGroup() as group:
        if stage is Stage.INDEXING:  # where the transaction that makes it searchable waits
            group.create_task(hold())
            await held.wait()
        async with worker_process(jobs_dir, stop=stage) as first:
            await says(first, WORKING)
            document, _ = await acme.documents.add(book(), "herons.txt")

            async def in_stage() -> bool:
                return (await acme.documents.get(document.id)).stage is stage

            await until(in_stage)
            if stage is not Stage.INDEXING:
                await says(first, STOPPED)
            kill(first)
            await first.wait()
        let_go.set()
    assert await acme.search("heron lake friends") == []
    assert (await acme.documents.get(document.id)).stage is stage

    async with worker_process(jobs_dir) as second:
        await says(second, WORKING)

        async def ready() -> bool:
            return (await acme.documents.get(document.id)).stage is Stage.READY

        await until(ready, seconds=300)
    after = await acme.documents.get(document.id)
    assert (after.version, after.chunks, after.reason) == (1, CHAPTERS, None)
    assert await tasks(records, acme.scope.tenant_id) == 0
    async with records.tenant(acme.scope.as_service()) as session:
        there = select(func.count()).select_from(chunks).where(chunks.c.tenant_id == acme.scope.tenant_id)
        told = select(func.count()).select_from(webhook_deliveries)
        assert await session.scalar(there) == CHAPTERS
        assert await session.scalar(told.where(webhook_deliveries.c.tenant_id == acme.scope.tenant_id)) == 1
    assert len(await acme.search("heron lake friends")) == 10
