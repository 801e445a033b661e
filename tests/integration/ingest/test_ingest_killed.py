"""The process is killed in each stage: nothing is lost, nothing half done is found, and the end is as if nothing was."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import ingest_support
import pytest
from ingest_support import LEASE_SECONDS, STOPPED, book, ends, hold_index_lock, index_state, organisation, row_counts

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.database.engine import Database
from aura.documents.values import Document, Stage
from aura.testing.embeddings import HashEmbedding

pytestmark = pytest.mark.asyncio(loop_scope="session")

STAGES = [Stage.QUEUED, Stage.PARSING, Stage.SPLITTING, Stage.EMBEDDING, Stage.INDEXING]


@pytest.mark.parametrize("stage", STAGES)
async def test_a_document_whose_process_is_killed_is_finished_by_the_next_one(
    stage: Stage, aura: Aura, acme: Workspace, records: Database, data_dir: Path, tmp_path: Path
) -> None:
    await ends(acme, b"# Storks\n\nA stork stands on one leg.", filename="storks.md")
    before = await row_counts(records, acme.scope.tenant_id)
    file = tmp_path / "herons.txt"
    file.write_bytes(book(500))

    async with _killed_in(stage, records, data_dir, acme, file):
        stopped = await _document(acme, "herons.txt")
        assert stopped.stage is stage
        left = await row_counts(records, acme.scope.tenant_id)
        assert left["searchable"] == before["searchable"] == 1
        assert left["lexicon"] == before["lexicon"]
        assert {passage.filename for passage in await acme.search("heron lake friends")} <= {"storks.md"}
    if stage in (Stage.SPLITTING, Stage.EMBEDDING, Stage.INDEXING):
        assert left["chunks"] > before["chunks"]

    await _recovered(data_dir, acme)

    document = await _document(acme, "herons.txt")
    assert (document.stage, document.version, document.chunks) == (Stage.READY, 1, 500)
    assert (await row_counts(records, acme.scope.tenant_id))["ingest_tasks"] == 0
    undisturbed = await organisation(aura)
    await ends(undisturbed, b"# Storks\n\nA stork stands on one leg.", filename="storks.md")
    await ends(undisturbed, file)
    assert await index_state(records, acme.scope.tenant_id) == await index_state(records, undisturbed.scope.tenant_id)


@asynccontextmanager
async def _killed_in(
    stage: Stage, records: Database, data_dir: Path, acme: Workspace, file: Path
) -> AsyncIterator[None]:
    """A worker was killed in `stage`; until the end of the body nobody else takes its work up."""
    held, let_go = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        if stage is Stage.INDEXING:
            group.create_task(hold_index_lock(records, acme.scope.tenant_id, held, let_go))
            await held.wait()
        worker = await _worker(stage, data_dir, acme, file)
        try:
            await _until_stopped(worker)
        finally:
            os.kill(worker.pid, signal.SIGKILL)
            let_go.set()
    yield
    with suppress(ProcessLookupError):
        await worker.wait()


async def _worker(stage: Stage, data_dir: Path, acme: Workspace, file: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, ingest_support.__file__, stage, str(data_dir), acme.organisation.subdomain, str(file)),
        stdout=PIPE,
    )


async def _until_stopped(worker: Process) -> None:
    assert worker.stdout is not None
    async with asyncio.timeout(120):
        while line := await worker.stdout.readline():
            if line.decode().strip() == STOPPED:
                return
    raise AssertionError("the worker ended before it stopped")


async def _recovered(data_dir: Path, acme: Workspace) -> None:
    """Open the platform anew, as after a crash, until every document has come to its end."""
    await asyncio.sleep(LEASE_SECONDS + 1.2)
    settings = Settings.load(data_dir=data_dir, ingest_lease_seconds=LEASE_SECONDS)
    async with (
        asyncio.timeout(120),
        Aura.open(settings, embed_model=HashEmbedding(), llm=ExtractiveLLM()) as aura,
    ):
        workspace = await aura.workspace(acme.organisation.subdomain)
        while not all(document.stage.final for document in (await workspace.documents.list()).items):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _document(workspace: Workspace, filename: str) -> Document:
    return next(d for d in (await workspace.documents.list()).items if d.filename == filename)
