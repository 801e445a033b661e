"""Who works when: tenants take turns, a killed worker's place is taken, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from jobs_support import (
    LEASE_SECONDS,
    WORKING,
    note,
    organisation,
    queue_many,
    says,
    stages,
    tasks,
    turns_of,
    until,
    worker_process,
    working,
)
from sqlalchemy import func, select, text, update

from aura import Aura, Workspace
from aura.database.engine import Database
from aura.database.tables import chunks, ingest_tasks
from aura.documents.values import Stage
from aura.jobs.turns import Turns

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_tenants_one_file_is_ready_while_ten_thousand_of_another_wait(
    aura: Aura, acme: Workspace, records: Database, jobs_dir: Path
) -> None:
    await queue_many(records, acme, jobs_dir, 10_000)
    await aura._parts.turns.wake(acme.scope.tenant_id)
    globex = await organisation(aura)

    async def begun() -> bool:
        return (await stages(records, acme.scope.tenant_id)).get(Stage.READY, 0) >= 3

    async with working(aura):
        await until(begun)
        before = (await stages(records, acme.scope.tenant_id))[Stage.READY]
        mine, _ = await globex.documents.add(note(1), "note.txt")

        async def ready() -> bool:
            return (await globex.documents.get(mine.id)).stage is Stage.READY

        await until(ready, every=0.02)
        meanwhile = (await stages(records, acme.scope.tenant_id))[Stage.READY] - before
    waiting = await tasks(records, acme.scope.tenant_id)
    assert waiting > 9_000
    print(f"ready while it waited: {meanwhile}; still waiting: {waiting}")
    assert meanwhile <= 40  # a handful of turns, not the queue
    await acme.erase()


async def test_a_tenant_has_one_running_and_one_waiting_turn_in_each_lane_however_often_it_is_woken(
    aura: Aura, acme: Workspace, records: Database
) -> None:
    turns = Turns(records, lanes=2)
    assert await turns.documents(acme.scope.tenant_id) == 0  # nothing waits
    await acme.documents.add(b"one", "one.txt")
    for _ in range(5):
        await turns.wake(acme.scope.tenant_id)
    assert await turns_of(records, acme.scope.tenant_id) == ["todo", "todo"]
    await acme.erase()


async def test_two_workers_do_two_hundred_documents_once_each(
    aura: Aura, acme: Workspace, records: Database, jobs_dir: Path
) -> None:
    await queue_many(records, acme, jobs_dir, 200)
    async with worker_process(jobs_dir) as one, worker_process(jobs_dir) as two:
        await asyncio.gather(says(one, WORKING), says(two, WORKING))

        async def done() -> bool:
            return await tasks(records, acme.scope.tenant_id) == 0

        await until(done, seconds=600)
    assert await stages(records, acme.scope.tenant_id) == {Stage.READY: 200}
    async with records.tenant(acme.scope.as_service()) as session:
        query = select(func.count(), func.count(chunks.c.document_id.distinct()))
        found = (await session.execute(query.where(chunks.c.tenant_id == acme.scope.tenant_id))).one()
    assert tuple(found) == (200, 200)


async def test_a_turn_touches_no_other_tenant(aura: Aura, acme: Workspace, records: Database) -> None:
    globex = await organisation(aura)
    theirs, _ = await globex.documents.add(b"The heron of Globex.", "heron.txt")
    mine, _ = await acme.documents.add(b"The heron of Acme.", "heron.txt")
    worker = aura.worker()
    for _ in range(3):
        await worker._documents(str(acme.scope.tenant_id), 1)
    assert (await acme.documents.get(mine.id)).stage is Stage.READY
    assert (await globex.documents.get(theirs.id)).stage is Stage.QUEUED
    assert await globex.search("heron") == []
    assert [p.text for p in await acme.search("heron")] == ["The heron of Acme."]
    await globex.erase()


async def test_a_file_whose_wake_was_lost_is_found_by_the_sweep(aura: Aura, acme: Workspace, records: Database) -> None:
    document, _ = await acme.documents.add(b"The heron.", "heron.txt")
    async with records.system() as session:  # as if the process had died between its commit and the wake
        lost = text("DELETE FROM procrastinate.procrastinate_jobs WHERE args->>'tenant_id' = :tenant")
        await session.execute(lost, {"tenant": str(acme.scope.tenant_id)})
    async with working(aura):

        async def ready() -> bool:
            return (await acme.documents.get(document.id)).stage is Stage.READY

        await until(ready)


async def test_turns_of_a_worker_that_is_silent_are_taken_from_it_and_those_of_a_living_one_are_not(
    records: Database, acme: Workspace
) -> None:
    turns = Turns(records, lanes=1)
    query = text(
        """
        WITH w AS (INSERT INTO procrastinate.procrastinate_workers (last_heartbeat)
          VALUES (now() - make_interval(secs => :silent)) RETURNING id)
        INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, args, status, worker_id)
        SELECT 'other', 'documents', jsonb_build_object('tenant_id', CAST(:tenant AS text)), 'doing', id FROM w
        """
    )
    async with records.system() as session:
        await session.execute(query, {"silent": 100.0, "tenant": str(acme.scope.tenant_id)})
    async with records.system() as session:
        await session.execute(query, {"silent": 0.0, "tenant": str(acme.scope.tenant_id)})
    assert await turns.rescue(20.0) == 1
    assert await turns_of(records, acme.scope.tenant_id) == ["doing"]


async def test_a_document_that_a_lost_worker_holds_waits_for_its_lease_and_not_longer(
    aura: Aura, acme: Workspace, records: Database
) -> None:
    document, _ = await acme.documents.add(b"The heron.", "heron.txt")
    held = update(ingest_tasks).where(ingest_tasks.c.document_id == document.id)
    until_then = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, LEASE_SECONDS)
    async with records.tenant(acme.scope.as_service()) as session:
        await session.execute(held.values(worker="gone", lease_until=until_then))
    worker = aura.worker()
    await worker._documents(str(acme.scope.tenant_id), 1)
    assert (await acme.documents.get(document.id)).stage is Stage.QUEUED
    async with records.tenant(acme.scope.as_service()) as session:
        await session.execute(held.values(lease_until=func.now() - text("interval '1 second'")))
    await worker._documents(str(acme.scope.tenant_id), 1)
    assert (await acme.documents.get(document.id)).stage is Stage.READY
