"""Several workers, workers that lose their task, parsers that hang, and a database that goes away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import ingest_support
import pytest
import pytest_asyncio
from ingest_support import LEASE_SECONDS, GatedEmbedding, book, pipeline, row_counts, service
from sqlalchemy import update

from aura import Workspace
from aura.database import postmaster
from aura.database.embedded import DIRECTORY, EmbeddedServer
from aura.database.engine import Database
from aura.database.tables import ingest_tasks
from aura.documents.load import Loader
from aura.documents.tasks import MOST_ATTEMPTS
from aura.documents.values import Document, IngestProgress, Stage
from aura.errors import Unavailable
from aura.testing.embeddings import HashEmbedding

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def loader() -> AsyncIterator[Loader]:
    async with Loader(timeout_seconds=5, parse=ingest_support.hang_when_told) as loader:
        yield loader


async def queued(acme: Workspace, content: bytes, filename: str = "herons.txt") -> Document:
    document, _ = await acme.documents.add(content, filename)
    return document


async def test_of_two_workers_on_one_document_one_works(
    acme: Workspace, records: Database, data_dir: Path, loader: Loader
) -> None:
    document = await queued(acme, book(20))
    seen: dict[str, list[IngestProgress]] = {"a": [], "b": []}
    workers = {name: pipeline(records, data_dir, HashEmbedding(), loader) for name in seen}

    await asyncio.gather(
        *(work.run(acme.scope, document.id, seen[name].append) for name, work in workers.items()),
    )

    assert sorted(bool(reports) for reports in seen.values()) == [False, True]
    assert (await acme.documents.get(document.id)).stage is Stage.READY
    assert (await row_counts(records, acme.scope.tenant_id))["searchable"] == 20


async def test_a_worker_that_lost_its_task_publishes_nothing(
    acme: Workspace, records: Database, data_dir: Path, loader: Loader
) -> None:
    document, model = await queued(acme, book(20)), GatedEmbedding.open()
    model.stop_after(0)
    reports: list[IngestProgress] = []
    slow = asyncio.create_task(
        pipeline(records, data_dir, model, loader, lease_seconds=60).run(acme.scope, document.id, reports.append)
    )
    await model.stopped()
    await _take_away(records, acme, document)
    model.let_through()
    await slow

    assert not reports[-1].stage.final
    counts = await row_counts(records, acme.scope.tenant_id)
    assert (counts["searchable"], counts["vector_cache"], counts["ingest_tasks"]) == (0, 0, 1)


async def test_a_worker_notices_by_its_heartbeat_that_it_lost_its_task(
    acme: Workspace, records: Database, data_dir: Path, loader: Loader
) -> None:
    document = await queued(acme, b"Some text.", "hang.txt")
    slow = asyncio.create_task(pipeline(records, data_dir, HashEmbedding(), loader).run(acme.scope, document.id, _deaf))
    await _in_stage(acme, document, Stage.PARSING)
    await _take_away(records, acme, document)

    async with asyncio.timeout(4):  # the parser would be killed after 5 s
        await slow


async def test_a_document_that_is_parsing_is_cancelled_with_its_parser(
    acme: Workspace, records: Database, data_dir: Path, loader: Loader
) -> None:
    document = await queued(acme, b"Some text.", "hang.txt")
    reports: list[IngestProgress] = []
    slow = asyncio.create_task(
        pipeline(records, data_dir, HashEmbedding(), loader).run(acme.scope, document.id, reports.append)
    )
    await _in_stage(acme, document, Stage.PARSING)
    await acme.documents.cancel(document.id)
    await slow

    assert reports[-1].stage is Stage.CANCELLED
    assert (await acme.documents.get(document.id)).stage is Stage.CANCELLED


async def test_a_parser_that_hangs_fails_its_document_alone(
    acme: Workspace, records: Database, data_dir: Path, loader: Loader
) -> None:
    hanging, fine = await queued(acme, b"Some text.", "hang.txt"), await queued(acme, book(2))
    work = pipeline(records, data_dir, HashEmbedding(), loader)
    await asyncio.gather(*(work.run(acme.scope, document.id, _deaf) for document in (hanging, fine)))

    failed = await acme.documents.get(hanging.id)
    assert failed.stage is Stage.FAILED
    assert "took longer than 5 s" in (failed.reason or "")
    assert failed.can_retry  # the machine may be less busy
    assert (await acme.documents.get(fine.id)).stage is Stage.READY


async def test_a_document_that_takes_its_process_with_it_again_and_again_is_failed(
    acme: Workspace, records: Database, data_dir: Path, loader: Loader
) -> None:
    document = await queued(acme, book(2))
    async with records.tenant(service(acme.scope.tenant_id)) as session:
        await session.execute(
            update(ingest_tasks)
            .where(ingest_tasks.c.document_id == document.id, ingest_tasks.c.tenant_id == acme.scope.tenant_id)
            .values(attempts=MOST_ATTEMPTS)
        )

    await pipeline(records, data_dir, HashEmbedding(), loader).run(acme.scope, document.id, _deaf)

    failed = await acme.documents.get(document.id)
    assert failed.stage is Stage.FAILED
    assert f"stopped {MOST_ATTEMPTS} times" in (failed.reason or "")


async def test_a_database_that_goes_away_meanwhile_leaves_the_document_for_later(
    acme: Workspace, records: Database, server: EmbeddedServer, data_dir: Path, loader: Loader
) -> None:
    document, model = await queued(acme, book(20)), GatedEmbedding.open()
    model.stop_after(0)
    work = pipeline(records, data_dir, model, loader)
    slow = asyncio.create_task(work.run(acme.scope, document.id, _deaf))
    await model.stopped()
    try:
        await asyncio.to_thread(postmaster.stop, data_dir / DIRECTORY)
        model.let_through()
        with pytest.raises(Unavailable):
            await slow
    finally:
        await asyncio.to_thread(server.ensure_running)
    await asyncio.sleep(LEASE_SECONDS)

    await work.run(acme.scope, document.id, _deaf)

    assert (await acme.documents.get(document.id)).stage is Stage.READY
    assert (await row_counts(records, acme.scope.tenant_id))["searchable"] == 20


def _deaf(_: IngestProgress) -> None:
    pass


async def _take_away(records: Database, acme: Workspace, document: Document) -> None:
    async with records.tenant(service(acme.scope.tenant_id)) as session:
        await session.execute(
            update(ingest_tasks)
            .where(ingest_tasks.c.document_id == document.id, ingest_tasks.c.tenant_id == acme.scope.tenant_id)
            .values(worker="another")
        )


async def _in_stage(acme: Workspace, document: Document, stage: Stage) -> None:
    async with asyncio.timeout(30):
        while (await acme.documents.get(document.id)).stage is not stage:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
