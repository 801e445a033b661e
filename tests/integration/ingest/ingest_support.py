"""Documents, models and parsers that stop where a test wants them to, and what is left in the database afterwards.

Run as a program, this is a worker that stops in one stage and waits to be killed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pydantic import PrivateAttr
from sqlalchemy import Text, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.tables import (
    chunks,
    document_versions,
    documents,
    generations,
    index_table,
    ingest_tasks,
    lexical_statistics,
    lexicon,
    vector_cache,
)
from aura.documents.files import Files
from aura.documents.formats import Format
from aura.documents.load import Loader
from aura.documents.parsing.parse import Parsed
from aura.documents.parsing.worker import Job, parse_job
from aura.documents.pipeline import Pipeline
from aura.documents.split import Splitter
from aura.documents.tokens import token_counter
from aura.documents.values import IngestProgress, Stage
from aura.identity import Role, Scope, TenantId
from aura.testing.embeddings import HashEmbedding

STOPPED = "stopped here"
LEASE_SECONDS = 1.0


def book(chapters: int, *, word: str = "heron") -> bytes:
    """A text of so many chunks, each with words of its own."""
    return "\n\n".join(
        f"# Chapter {number}\n\nThe {word} number {number} flies over the lake with {number * 7} friends."
        for number in range(chapters)
    ).encode()


class GatedEmbedding(HashEmbedding):
    """Embeds `free` batches, then waits until it is let through; `raises` what it is told to instead."""

    _gate: threading.Event = PrivateAttr(default_factory=threading.Event)
    _waiting: threading.Event = PrivateAttr(default_factory=threading.Event)
    _free: int = PrivateAttr(default=0)
    _error: Exception | None = PrivateAttr(default=None)
    _on_stop: Callable[[], None] | None = PrivateAttr(default=None)

    def stop_after(self, batches: int, on_stop: Callable[[], None] | None = None) -> None:
        self._gate.clear()
        self._waiting.clear()
        self._free, self._on_stop = batches, on_stop

    def let_through(self) -> None:
        self._gate.set()

    def raises(self, error: Exception | None) -> None:
        self._error = error
        self._gate.set()

    async def stopped(self) -> None:
        """Wait until a batch waits at the gate."""
        await asyncio.to_thread(self.wait_until_stopped)

    def wait_until_stopped(self, seconds: float = 60) -> None:
        assert self._waiting.wait(seconds)

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        if self._free > 0:
            self._free -= 1
        elif not self._gate.is_set():
            if self._on_stop:
                self._on_stop()
            self._waiting.set()
            self._gate.wait(60)
        if self._error is not None:
            raise self._error
        return super().encode(texts)

    @classmethod
    def open(cls) -> GatedEmbedding:
        embedding = cls()
        embedding.let_through()
        return embedding


def hang_when_told(job: Job) -> tuple[Format, Parsed]:
    """Never ends for a file called `hang`."""
    while job.filename.startswith("hang"):
        time.sleep(60)
    return parse_job(job)


def stop_in_parsing(job: Job) -> tuple[Format, Parsed]:
    """Writes half of what it should, and hangs."""
    for name in ("text.txt", "elements.jsonl"):
        (job.out_dir / name).write_bytes(b"half of i")
    stop()
    time.sleep(20)
    return parse_job(job)


def stop() -> None:
    print(STOPPED, flush=True)


def pipeline(
    database: Database,
    data_dir: Path,
    embedder: HashEmbedding,
    loader: Loader,
    *,
    count: Callable[[str], int] | None = None,
    lease_seconds: float = LEASE_SECONDS,
) -> Pipeline:
    """A pipeline as `Aura.open` builds it, of the given parts."""
    return Pipeline(
        database=database,
        files=Files(data_dir / "files", max_bytes=2**30),
        loader=loader,
        splitter=Splitter(count or token_counter(embedder.tokenizer), max_tokens=embedder.max_tokens),
        embedder=embedder,
        dedicated_index_chunks=25_000,
        lease_seconds=lease_seconds,
    )


async def organisation(aura: Aura) -> Workspace:
    return await aura.tenants.create(
        organization_name="Acme",
        subdomain=f"acme-{uuid4().hex[:12]}",
        admin_email="ada@acme.test",
        password="correct horse battery staple",
    )


async def ingest(workspace: Workspace, source: object, **options: object) -> list[IngestProgress]:
    return [progress async for progress in workspace.documents.ingest(source, **options)]


async def ends(workspace: Workspace, source: object, **options: object) -> dict[str, IngestProgress]:
    """How each file of a call ended."""
    return {p.filename: p for p in await ingest(workspace, source, **options) if p.stage.final}


def service(tenant_id: TenantId) -> Scope:
    return Scope(tenant_id=tenant_id, role=Role.SERVICE)


async def row_counts(database: Database, tenant_id: TenantId) -> dict[str, int]:
    """How many rows a tenant has in the tables that ingest writes."""
    counts: dict[str, int] = {}
    async with database.tenant(service(tenant_id)) as session:
        for table in (documents, document_versions, ingest_tasks, chunks, vector_cache, lexicon):
            query = select(func.count()).select_from(table).where(table.c.tenant_id == tenant_id)
            counts[table.name] = await session.scalar(query) or 0
        counts["searchable"] = len(await _index_rows(session, tenant_id))
    return counts


async def index_state(database: Database, tenant_id: TenantId) -> dict[str, object]:
    """All that search sees of a tenant, ids left out: what two tenants with the same documents must have alike."""
    async with database.tenant(service(tenant_id)) as session:
        columns = ("version", "ordinal", "page", "start_offset", "end_offset", "heading", "text", "gap")
        counted = ("tokens", "length", "term_ids", "term_counts", "text_sha256")
        rows = await session.execute(
            select(*(chunks.c[name] for name in (*columns, *counted)))
            .where(chunks.c.tenant_id == tenant_id)
            .order_by(chunks.c.text, chunks.c.ordinal)
        )
        statistics = await session.execute(
            select(
                lexical_statistics.c.chunks, lexical_statistics.c.total_length, lexical_statistics.c.weighted_average
            ).where(lexical_statistics.c.tenant_id == tenant_id)
        )
        words = await session.execute(
            select(lexicon.c.term, lexicon.c.chunks).where(lexicon.c.tenant_id == tenant_id).order_by(lexicon.c.term)
        )
        cached = await session.execute(
            select(vector_cache.c.text_sha256)
            .where(vector_cache.c.tenant_id == tenant_id)
            .order_by(vector_cache.c.text_sha256)
        )
        return {
            "chunks": [tuple(row) for row in rows],
            "statistics": [tuple(row) for row in statistics],
            "lexicon": [tuple(row) for row in words],
            "cache": [row.text_sha256 for row in cached],
            "index": await _index_rows(session, tenant_id),
        }


async def _index_rows(session: AsyncConnection, tenant_id: TenantId) -> list[tuple[object, ...]]:
    names = await session.scalars(
        select(generations.c.table_name).where(generations.c.tenant_id == tenant_id, generations.c.state == "serving")
    )
    found: list[tuple[object, ...]] = []
    for name in names:
        index = index_table(name)
        rows = await session.execute(
            select(chunks.c.text, func.md5(index.c.embedding.cast(Text)), func.md5(index.c.terms.cast(Text)))
            .join(chunks, (chunks.c.tenant_id == index.c.tenant_id) & (chunks.c.id == index.c.chunk_id))
            .where(index.c.tenant_id == tenant_id)
            .order_by(chunks.c.text, chunks.c.ordinal)
        )
        found.extend(tuple(row) for row in rows)
    return found


def files_of(data_dir: Path, tenant_id: TenantId) -> set[str]:
    """The names of a tenant's files."""
    return {path.name for path in (data_dir / "files" / str(tenant_id)).rglob("*") if path.is_file()}


async def hold_index_lock(database: Database, tenant_id: TenantId, held: asyncio.Event, let_go: asyncio.Event) -> None:
    """Stand where the writers of a tenant's index queue up."""
    from aura.index.generations import index_lock

    async with database.tenant(service(tenant_id)) as session, index_lock(session, tenant_id):
        await session.execute(text("SELECT 1"))
        held.set()
        await let_go.wait()


async def work_and_stop(stage: Stage, data_dir: Path, subdomain: str, file: Path) -> None:
    """Take a file in, work on it up to `stage`, say so, and wait for the end."""
    embedder = GatedEmbedding.open()
    settings = Settings.load(data_dir=data_dir, ingest_lease_seconds=LEASE_SECONDS)
    async with Aura.open(settings, embed_model=embedder, llm=ExtractiveLLM(), recover=False) as aura:
        workspace = await aura.workspace(subdomain)
        document, _ = await workspace.documents.add(file, file.name)
        if stage is Stage.QUEUED:
            stop()
            await asyncio.sleep(60)
        server = EmbeddedServer.start(data_dir)
        database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
        count, counted = token_counter(embedder.tokenizer), 0

        def stopping_count(words: str) -> int:
            nonlocal counted
            counted += 1
            if stage is Stage.SPLITTING and counted == 900:
                stop()
                time.sleep(60)
            return count(words)

        def seen(progress: IngestProgress) -> None:
            if stage is Stage.INDEXING and progress.stage is stage:
                stop()

        if stage is Stage.EMBEDDING:
            embedder.stop_after(5, stop)
        loader = Loader(parse=stop_in_parsing) if stage is Stage.PARSING else Loader()
        work = pipeline(database, data_dir, embedder, loader, count=stopping_count)
        await work.run(service(workspace.scope.tenant_id), document.id, seen)


if __name__ == "__main__":
    from ingest_support import work_and_stop as work  # so that the parser process finds what it is given

    asyncio.run(work(Stage(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
