"""From an accepted file to searchable chunks: parsing → splitting → embedding → indexing → ready.

Each stage can be done over: a killed process leaves a task whose lease runs out, and the next worker goes on from the
stage that is written down. Chunks become searchable in one transaction, in which the version before them goes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.tables import chunks, document_versions, documents, ingest_tasks
from aura.documents.files import Files, move_text, scratch_folder
from aura.documents.load import Loader
from aura.documents.parsing.partition import ocr_available
from aura.documents.rows import chunk_rows
from aura.documents.split import Splitter
from aura.documents.tasks import LEASE_SECONDS, Superseded, Task, Tasks, announce, final
from aura.documents.values import IngestProgress, Stage
from aura.errors import AuraError, BackendError, InvalidRequest, LimitExceeded, Unavailable
from aura.identity import DocumentId, Scope
from aura.index import generations, writer
from aura.index.generations import Embedder, Rebuild
from aura.index.passage import embedded_text
from aura.webhooks.values import Event

logger = logging.getLogger(__name__)

STAGE_TIMEOUT_SECONDS = 21_600.0
"""How long one stage of one document may take: a book of 512 MB embeds in less on two processors."""

_CHUNKS_AT_ONCE = 200
_TEXTS_AT_ONCE = 128
_SHARE = {
    Stage.PARSING: (0.0, 10.0),
    Stage.SPLITTING: (10.0, 15.0),
    Stage.EMBEDDING: (15.0, 95.0),
    Stage.INDEXING: (95.0, 99.0),
}
"""Where each stage begins and ends, in percent: embedding is nearly all of the work."""

Report = Callable[[IngestProgress], None]


class _Paused(Exception):
    """The document's time is over for now: others wait."""


class _Unreadable(Exception):
    """The file itself is at fault, and would be each time."""


class Pipeline:
    """Works on accepted documents. One for the process; it holds no document's state."""

    def __init__(
        self,
        *,
        database: Database,
        files: Files,
        loader: Loader,
        splitter: Splitter,
        embedder: Embedder,
        dedicated_index_chunks: int,
        lease_seconds: float = LEASE_SECONDS,
        stage_timeout_seconds: float = STAGE_TIMEOUT_SECONDS,
    ) -> None:
        self._database = database
        self._files = files
        self._loader = loader
        self._splitter = splitter
        self._embedder = embedder
        self._dedicated_index_chunks = dedicated_index_chunks
        self._stage_timeout_seconds = stage_timeout_seconds
        self._tasks = Tasks(database, lease_seconds=lease_seconds)

    async def run(self, scope: Scope, document_id: DocumentId, report: Report) -> None:
        """Work on a document until it is ready, failed or cancelled. Does nothing where another worker has it.

        Raises:
            Unavailable: the database is away; the task stays, and is taken up again later.
        """
        task = await self._tasks.claim(scope, document_id)
        if task is not None:
            await self._work(task, report, lambda: False)

    async def run_next(self, scope: Scope, paused: Callable[[], bool]) -> DocumentId | None:
        """Work on the tenant's document that has waited longest; which one, or None where none waits.

        Args:
            paused: asked now and then; once it is true the document is let go, and goes on from there at its next turn.

        Raises:
            Unavailable: a part is away; the task stays, and is taken up again later.
        """
        task = await self._tasks.claim_next(scope)
        if task is None:
            return None
        await self._work(task, lambda _: None, paused)
        return task.document_id

    async def _work(self, task: Task, report: Report, paused: Callable[[], bool]) -> None:
        try:
            async with self._tasks.lease(task):
                await self._stages(task, report, paused)
            await self._promote(task)  # the task is done, and nobody's any more
        except Superseded:
            await self._clear_cancelled(task, report)
        except _Paused:
            await self._tasks.release(task)
        except Unavailable as error:
            if await self._tasks.postpone(task, error):
                raise
            await self._fail(task, str(error), report, gave_up=True)
        except _Unreadable as error:
            await self._fail(task, str(error), report, hopeless=True)
        except (InvalidRequest, LimitExceeded) as error:
            await self._fail(task, str(error), report)
        except asyncio.CancelledError:
            await asyncio.shield(self._tasks.release(task))
            raise
        except Exception as error:  # the edge of the task: one bad file must not stop the others
            logger.exception("document %s of tenant %s failed", task.document_id, task.tenant_id)
            reason = str(error) if isinstance(error, AuraError) else f"internal error ({type(error).__name__})"
            await self._fail(task, reason, report)

    async def _stages(self, task: Task, report: Report, paused: Callable[[], bool]) -> None:
        folder = self._files.version_dir(task.tenant_id, task.document_id, task.version)
        if task.stage in (Stage.QUEUED, Stage.PARSING):
            await self._parse(task, folder, report)  # its process has a deadline of its own
        if task.stage in (Stage.QUEUED, Stage.PARSING, Stage.SPLITTING):
            async with self._deadline(Stage.SPLITTING):
                await self._split(task, folder, report)
        if task.stage is not Stage.INDEXING:
            async with self._deadline(Stage.EMBEDDING):
                await self._embed(task, report, paused)
        async with self._deadline(Stage.INDEXING):
            await self._index(task, report)

    @asynccontextmanager
    async def _deadline(self, stage: Stage) -> AsyncGenerator[None]:
        deadline = asyncio.timeout(self._stage_timeout_seconds)
        try:
            async with deadline:
                yield
        except TimeoutError:
            if not deadline.expired():
                raise
            seconds = self._stage_timeout_seconds
            raise LimitExceeded(
                f"{stage} took longer than {seconds:g} s and was stopped; split the file and try again", limit="time"
            ) from None

    async def _parse(self, task: Task, folder: Path, report: Report) -> None:
        await self._enter(task, Stage.PARSING, report)
        async with scratch_folder(folder) as scratch:
            try:
                loaded = await self._loader.load(folder / "original", task.filename, scratch, ocr=ocr_available())
            except InvalidRequest as error:
                if error.may_pass:
                    raise
                raise _Unreadable(str(error)) from error
            async with self._database.tenant(task.scope) as session:
                await self._tasks.renew(session, task)  # and hold it: who lost the task changes no file of it
                await asyncio.to_thread(move_text, scratch, folder)
                await session.execute(
                    update(document_versions)
                    .where(_version(task))
                    .values(media_type=loaded.media_type, characters=loaded.characters, pages=loaded.pages)
                )

    async def _split(self, task: Task, folder: Path, report: Report) -> None:
        await self._enter(task, Stage.SPLITTING, report)
        async with self._database.tenant(task.scope) as session:
            await session.execute(delete(chunks).where(chunks.c.tenant_id == task.tenant_id, task.chunks))
        rows, count = chunk_rows(task, self._splitter, folder), 0
        while batch := await asyncio.to_thread(lambda: list(islice(rows, _CHUNKS_AT_ONCE))):
            count += len(batch)
            async with self._database.tenant(task.scope) as session:
                await self._note(session, task, Stage.SPLITTING, _SHARE[Stage.SPLITTING][0])
                await session.execute(insert(chunks), batch)
            report(_progress(task, Stage.SPLITTING, _SHARE[Stage.SPLITTING][0], chunks=count))
        if not count:
            raise _Unreadable("the file has no text")

    async def _embed(self, task: Task, report: Report, paused: Callable[[], bool]) -> None:
        await self._enter(task, Stage.EMBEDDING, report)
        started, before, total = time.monotonic(), await self._unembedded(task), await self._count(task)
        left = before
        low, high = _SHARE[Stage.EMBEDDING]
        while texts := await self._next_texts(task):
            vectors = await self._embedder.embed(list(texts.values()))
            left = max(left - len(texts), 0)
            eta = (time.monotonic() - started) / max(before - left, 1) * left
            percent = high - (high - low) * left / max(total, 1)
            async with self._database.tenant(task.scope) as session:
                await self._note(session, task, Stage.EMBEDDING, percent, eta)
                await generations.store_vectors(session, task.tenant_id, self._embedder, list(texts), vectors)
            report(_progress(task, Stage.EMBEDDING, percent, eta=eta, chunks=total))
            if left and paused():
                raise _Paused

    async def _index(self, task: Task, report: Report) -> None:
        await self._enter(task, Stage.INDEXING, report)
        tenant_id = task.tenant_id
        async with self._database.tenant(task.scope) as session, generations.index_lock(session, tenant_id):
            await self._note(session, task, Stage.INDEXING, _SHARE[Stage.INDEXING][0])
            generation = await generations.serving_or_new(session, tenant_id, self._embedder)
            await generations.embed_missing(session, tenant_id, self._embedder, task.chunks)
            old = and_(chunks.c.document_id == task.document_id, chunks.c.version < task.version)
            await writer.withdraw(session, tenant_id, generation, old)
            count = await writer.publish(session, tenant_id, generation, task.chunks)
            if count != await session.scalar(select(func.count()).where(chunks.c.tenant_id == tenant_id, task.chunks)):
                raise BackendError("not every chunk could be indexed; try again (`aura documents retry`)")
            version = (await session.execute(select(document_versions).where(_version(task)))).one()
            await session.execute(update(document_versions).where(_version(task)).values(chunks=count))
            await session.execute(
                update(documents)
                .where(documents.c.tenant_id == tenant_id, documents.c.id == task.document_id)
                .values(
                    version=task.version,
                    pending_version=None,
                    media_type=version.media_type,
                    sha256=version.sha256,
                    size_bytes=version.size_bytes,
                    pages=version.pages,
                    chunks=count,
                    **final(Stage.READY),
                )
            )
            await session.execute(delete(ingest_tasks).where(self._tasks.mine(task)))
            await announce(session, task, Event.DOCUMENT_READY)
        report(_progress(task, Stage.READY, 100.0, chunks=count))

    async def _promote(self, task: Task) -> None:
        """Give the tenant an index of its own once it has outgrown the shared one. Its document is ready either way."""
        try:
            if await self._outgrown(task):
                await Rebuild(self._database, self._embedder).run(task.scope, dedicated=True)
        except AuraError:
            logger.warning("tenant %s could not be promoted now; the next document tries again", task.tenant_id)

    async def _outgrown(self, task: Task) -> bool:
        async with self._database.tenant(task.scope) as session:
            generation = await generations.serving(session, task.tenant_id)
            if generation is None or generation.dedicated:
                return False
            total = select(func.sum(documents.c.chunks)).where(documents.c.tenant_id == task.tenant_id)
            return (await session.scalar(total) or 0) > self._dedicated_index_chunks

    async def _fail(
        self, task: Task, reason: str, report: Report, *, gave_up: bool = False, hopeless: bool = False
    ) -> None:
        if await self._tasks.end(task, Stage.FAILED, reason, gave_up=gave_up, hopeless=hopeless):
            report(_progress(task, Stage.FAILED, 0.0, reason=reason, can_retry=not hopeless))

    async def _clear_cancelled(self, task: Task, report: Report) -> None:
        if await self._tasks.cancelled(task) and await self._tasks.end(task, Stage.CANCELLED, None):
            report(_progress(task, Stage.CANCELLED, 0.0, can_retry=True))

    async def _enter(self, task: Task, stage: Stage, report: Report) -> None:
        async with self._database.tenant(task.scope) as session:
            await self._note(session, task, stage, _SHARE[stage][0])
        report(_progress(task, stage, _SHARE[stage][0]))

    async def _note(
        self, session: AsyncConnection, task: Task, stage: Stage, percent: float, eta: float | None = None
    ) -> None:
        """Write down how far the task is. First in its transaction: who deletes the document locks the task first, too."""
        await self._tasks.renew(session, task)
        await session.execute(
            update(documents)
            .where(documents.c.tenant_id == task.tenant_id, documents.c.id == task.document_id)
            .values(stage=stage, percent=percent, eta_seconds=eta, updated_at=func.now())
        )

    async def _next_texts(self, task: Task) -> dict[bytes, str]:
        async with self._database.tenant(task.scope) as session:
            missing = generations.unembedded(task.tenant_id, self._embedder, task.chunks)
            # In the order of their keys: two documents with the same texts then never wait for each other's.
            rows = await session.execute(missing.order_by(chunks.c.text_sha256).limit(_TEXTS_AT_ONCE))
            return {row.text_sha256: embedded_text(tuple(row.heading), row.text) for row in rows}

    async def _unembedded(self, task: Task) -> int:
        async with self._database.tenant(task.scope) as session:
            missing = generations.unembedded(task.tenant_id, self._embedder, task.chunks).subquery()
            return await session.scalar(select(func.count()).select_from(missing)) or 0

    async def _count(self, task: Task) -> int:
        async with self._database.tenant(task.scope) as session:
            return (
                await session.scalar(select(func.count()).where(chunks.c.tenant_id == task.tenant_id, task.chunks)) or 0
            )


def _version(task: Task) -> ColumnElement[bool]:
    return and_(
        document_versions.c.tenant_id == task.tenant_id,
        document_versions.c.document_id == task.document_id,
        document_versions.c.version == task.version,
    )


def _progress(
    task: Task,
    stage: Stage,
    percent: float,
    *,
    eta: float | None = None,
    reason: str | None = None,
    can_retry: bool = False,
    chunks: int = 0,
) -> IngestProgress:
    return IngestProgress(
        filename=task.filename,
        document_id=task.document_id,
        stage=stage,
        percent=percent,
        eta_seconds=eta,
        reason=reason,
        can_retry=can_retry,
        chunks=chunks,
    )
