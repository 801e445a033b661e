"""Workers as processes of their own, queues of any length, and an address that hears of events.

Run as a program, this is `aura worker` over a fake embedding, which can stop in one stage and wait to be killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import PrivateAttr
from sqlalchemy import func, insert, select, text

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.cli.app import app
from aura.database.engine import Database
from aura.database.tables import document_versions, documents, ingest_tasks
from aura.documents.formats import Format
from aura.documents.load import Loader
from aura.documents.parsing.parse import Parsed
from aura.documents.parsing.worker import Job, parse_job
from aura.documents.pipeline import Pipeline
from aura.documents.split import Splitter
from aura.documents.tokens import token_counter
from aura.documents.values import Stage
from aura.identity import Role, Scope, TenantId
from aura.jobs.worker import Pace
from aura.testing.embeddings import HashEmbedding
from aura.workspace import Parts

LEASE_SECONDS = 2.0
PACE = Pace(sweep_seconds=0.3, slice_seconds=0.5, silent_seconds=LEASE_SECONDS)
STOPPED, WORKING = "stopped here", "working"


def settings(data_dir: Path, **values: object) -> Settings:
    return Settings.load(data_dir=data_dir, parse_timeout_seconds=60, ingest_lease_seconds=LEASE_SECONDS, **values)


async def organisation(aura: Aura) -> Workspace:
    return await aura.tenants.create(
        organization_name="Acme",
        subdomain=f"acme-{uuid4().hex[:12]}",
        admin_email="ada@acme.test",
        password="correct horse battery staple",
    )


async def until(condition: Callable[[], Awaitable[object]], *, seconds: float = 120, every: float = 0.1) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(every)


async def stages(database: Database, tenant_id: TenantId) -> dict[str, int]:
    """How many documents a tenant has in each stage."""
    async with database.tenant(service(tenant_id)) as session:
        query = select(documents.c.stage, func.count()).where(documents.c.tenant_id == tenant_id)
        return {row[0]: row[1] for row in await session.execute(query.group_by(documents.c.stage))}


async def tasks(database: Database, tenant_id: TenantId) -> int:
    async with database.tenant(service(tenant_id)) as session:
        query = select(func.count()).select_from(ingest_tasks).where(ingest_tasks.c.tenant_id == tenant_id)
        return await session.scalar(query) or 0


async def queue_many(database: Database, workspace: Workspace, data_dir: Path, count: int) -> None:
    """Queue so many small files, as `documents.add` does, but in few statements."""
    tenant_id, collection = workspace.scope.tenant_id, await workspace.collections.default()
    ids = [uuid4() for _ in range(count)]
    root = data_dir / "files" / str(tenant_id)
    root.mkdir(parents=True, exist_ok=True)

    def write() -> None:
        for number, id in enumerate(ids):
            folder = root / str(id) / "1"
            folder.mkdir(parents=True)
            (folder / "original").write_bytes(note(number))

    await asyncio.to_thread(write)
    rows = [{"tenant_id": tenant_id, "document_id": id, "version": 1} for id in ids]
    facts = [{"sha256": hashlib.sha256(note(n)).hexdigest(), "size_bytes": len(note(n))} for n in range(count)]
    async with database.tenant(service(tenant_id)) as session:
        for start in range(0, count, 1_000):
            part = slice(start, start + 1_000)
            await session.execute(
                insert(documents),
                [
                    {
                        "tenant_id": tenant_id,
                        "id": row["document_id"],
                        "collection_id": collection.id,
                        "filename": f"note-{row['document_id']}.txt",
                        "pending_version": 1,
                        "stage": Stage.QUEUED,
                        **fact,
                    }
                    for row, fact in zip(rows[part], facts[part], strict=True)
                ],
            )
            versions = [row | fact for row, fact in zip(rows[part], facts[part], strict=True)]
            await session.execute(insert(document_versions), versions)
            await session.execute(insert(ingest_tasks), rows[part])


def note(number: int) -> bytes:
    return f"Note {number}: the heron number {number} flies over the lake.".encode()


@contextmanager
def place() -> Generator[Path]:
    """A folder for a server of a test's own."""
    with tempfile.TemporaryDirectory(prefix="aura-tests-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def service(tenant_id: TenantId) -> Scope:
    return Scope(tenant_id=tenant_id, role=Role.SERVICE)


async def turns_of(database: Database, tenant_id: TenantId) -> list[str]:
    """The state of a tenant's turns in the queue."""
    async with database.system() as session:
        query = text(
            "SELECT status::text FROM procrastinate.procrastinate_jobs WHERE args->>'tenant_id' = :tenant ORDER BY id"
        )
        return list(await session.scalars(query, {"tenant": str(tenant_id)}))


# -- workers -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def working(aura: Aura, *, concurrency: int = 4, pace: Pace = PACE) -> AsyncIterator[None]:
    """A worker in this process while the body runs."""
    stop = asyncio.Event()
    task = asyncio.create_task(aura.worker(concurrency=concurrency, pace=pace).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def worker_process(data_dir: Path, *, stop: Stage | None = None, parent: bool = False) -> AsyncGenerator[Process]:
    """A worker in a process of its own, which is killed at the end if it still runs."""
    flags = ["--with-parent"] if parent else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, str(data_dir), stop or "", *flags), stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def says(process: Process, line: str, *, seconds: float = 120) -> None:
    """Wait until the process has written the line."""
    assert process.stdout is not None
    async with asyncio.timeout(seconds):
        while found := await process.stdout.readline():
            if found.decode().strip() == line:
                return
    raise AssertionError(f"the process ended before it said {line!r}")


def kill(process: Process) -> None:
    os.kill(process.pid, signal.SIGKILL)


def stop_here() -> None:
    print(STOPPED, flush=True)
    time.sleep(120)


def stop_in_parsing(job: Job) -> tuple[Format, Parsed]:
    """Writes half of what it should, and hangs; nobody kills the parser of a killed worker but its own end."""
    (job.out_dir / "text.txt").write_bytes(b"half of i")
    print(STOPPED, flush=True)
    time.sleep(20)
    return parse_job(job)


class StoppingEmbedding(HashEmbedding):
    """Stops when it has embedded a few batches."""

    _left: int = PrivateAttr(default=3)

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        self._left -= 1
        if self._left < 0:
            stop_here()
        return super().encode(texts)


def stopping_pipeline(parts: Parts, stage: Stage) -> Pipeline:
    """The platform's pipeline, but that it stops in `stage`."""
    count, counted = token_counter(parts.embedder.tokenizer), itertools.count()

    def stopping_count(words: str) -> int:
        if stage is Stage.SPLITTING and next(counted) == 900:
            stop_here()
        return count(words)

    return Pipeline(
        database=parts.database,
        files=parts.files,
        loader=Loader(parse=stop_in_parsing) if stage is Stage.PARSING else Loader(),
        splitter=Splitter(stopping_count, max_tokens=parts.embedder.max_tokens),
        embedder=parts.embedder,
        dedicated_index_chunks=25_000,
        lease_seconds=LEASE_SECONDS,
    )


def main(data_dir: Path, stage: Stage | None, *flags: str) -> None:
    """`aura worker` over a fake embedding, which stops in `stage`."""

    @asynccontextmanager
    async def open_mine(_: Settings, *, recover: bool, warm: bool) -> AsyncGenerator[Aura]:
        embedder = StoppingEmbedding() if stage is Stage.EMBEDDING else HashEmbedding()
        async with Aura.open(
            settings(data_dir), embed_model=embedder, llm=ExtractiveLLM(), recover=recover, warm=warm
        ) as aura:
            if stage is not None:
                aura._parts = msgspec.structs.replace(aura._parts, pipeline=stopping_pipeline(aura._parts, stage))
            print(WORKING, flush=True)
            yield aura

    app(["worker", *flags], obj=open_mine)


if __name__ == "__main__":
    from jobs_support import main as worker  # so that the parser process finds what it is given

    worker(Path(sys.argv[1]), Stage(sys.argv[2]) if sys.argv[2] else None, *sys.argv[3:])
