"""Who works on which document: a task is claimed for a time, renewed while it lasts, and ended once.

A worker that dies renews no more, and its task is anybody's. A worker that was replaced meanwhile finds out at its next
write, because every write of a stage renews the lease in the same transaction.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.tables import chunks, documents, ingest_tasks
from aura.documents.values import Stage
from aura.errors import AuraError
from aura.identity import CollectionId, DocumentId, Role, Scope, TenantId, UserId
from aura.index import generations, writer

logger = logging.getLogger(__name__)

LEASE_SECONDS = 20.0
"""How long a worker may be silent before another takes its document over."""
MOST_ATTEMPTS = 3
"""How often a document may take its process with it before it is failed."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one document to be made searchable."""

    tenant_id: TenantId
    document_id: DocumentId
    version: int
    user_id: UserId | None
    filename: str
    collection_id: CollectionId
    private_to: UserId | None
    stage: Stage

    @property
    def scope(self) -> Scope:
        return Scope(tenant_id=self.tenant_id, user_id=self.user_id, role=Role.SERVICE)

    @property
    def chunks(self) -> ColumnElement[bool]:
        return and_(chunks.c.document_id == self.document_id, chunks.c.version == self.version)


class Superseded(Exception):
    """The task was cancelled, replaced by a newer version, deleted, or taken over: stop without a trace."""


class Tasks:
    """The tasks of one worker."""

    def __init__(self, database: Database, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._worker = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"

    async def claim(self, scope: Scope, document_id: DocumentId) -> Task | None:
        """The document's task if it is free or abandoned; None where another worker has it, or nothing is to be done."""
        free = or_(ingest_tasks.c.worker == "", ingest_tasks.c.lease_until < func.now())
        mine = and_(ingest_tasks.c.tenant_id == scope.tenant_id, ingest_tasks.c.document_id == document_id)
        async with self._database.tenant(scope.as_service()) as session:
            row = (
                await session.execute(
                    update(ingest_tasks)
                    .where(mine, free)
                    .values(worker=self._worker, lease_until=self._lease_end(), attempts=ingest_tasks.c.attempts + 1)
                    .returning(ingest_tasks)
                )
            ).one_or_none()
            if row is None:
                return None
            document = (
                await session.execute(
                    select(documents).where(documents.c.tenant_id == scope.tenant_id, documents.c.id == document_id)
                )
            ).one()
        task = Task(
            tenant_id=scope.tenant_id,
            document_id=document_id,
            version=row.version,
            user_id=row.user_id,
            filename=document.filename,
            collection_id=document.collection_id,
            private_to=document.private_to,
            stage=Stage(document.stage),
        )
        if row.attempts > MOST_ATTEMPTS:
            await self.end(task, Stage.FAILED, f"AURA stopped {MOST_ATTEMPTS} times while it worked on this file")
            return None
        return task

    @asynccontextmanager
    async def lease(self, task: Task) -> AsyncGenerator[None]:
        """Renew the lease while the body runs, and stop the body when the task is no longer ours."""
        body = asyncio.current_task()
        assert body is not None
        lost = False

        async def beat() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(self._lease_seconds / 10)
                try:
                    async with self._database.tenant(task.scope) as session:
                        await self.renew(session, task)
                except Superseded:
                    lost = True
                    body.cancel()
                    return
                except AuraError:  # away, or busy: the lease lasts for more than one beat
                    continue

        heart = asyncio.create_task(beat())
        try:
            yield
        except asyncio.CancelledError:
            if lost and not body.uncancel():
                raise Superseded from None
            raise
        finally:
            heart.cancel()
            await asyncio.wait([heart])  # its connection is back before the caller closes the database

    async def renew(self, session: AsyncConnection, task: Task) -> None:
        """Renew the lease in the caller's transaction.

        Raises:
            Superseded: the task is no longer this worker's.
        """
        done = await session.execute(
            update(ingest_tasks).where(self.mine(task), ~ingest_tasks.c.cancelled).values(lease_until=self._lease_end())
        )
        if done.rowcount == 0:
            raise Superseded

    async def release(self, task: Task) -> None:
        """Let another worker have it at once. The lease runs out by itself where the database is away."""
        try:
            async with self._database.tenant(task.scope) as session:
                await session.execute(
                    update(ingest_tasks)
                    .where(self.mine(task))
                    .values(worker="", lease_until=func.now(), attempts=func.greatest(ingest_tasks.c.attempts - 1, 0))
                )
        except AuraError:
            logger.info("the lease on document %s runs out by itself", task.document_id)

    async def cancelled(self, task: Task) -> bool:
        """Whether the task is still this worker's, and was cancelled."""
        async with self._database.tenant(task.scope) as session:
            return bool(await session.scalar(select(ingest_tasks.c.cancelled).where(self.mine(task))))

    async def end(self, task: Task, stage: Stage, reason: str | None) -> bool:
        """End the task without a result; the version that answered before goes on answering."""
        tenant_id = task.tenant_id
        async with self._database.tenant(task.scope) as session, generations.index_lock(session, tenant_id):
            done = await session.execute(delete(ingest_tasks).where(self.mine(task)))
            if done.rowcount == 0:
                return False
            await writer.withdraw(session, tenant_id, None, task.chunks)
            await session.execute(
                update(documents)
                .where(documents.c.tenant_id == tenant_id, documents.c.id == task.document_id)
                .values(pending_version=task.version, **final(stage, reason))
            )
        return True

    def mine(self, task: Task) -> ColumnElement[bool]:
        """The task's row, while it is this worker's and of this version."""
        return and_(
            ingest_tasks.c.tenant_id == task.tenant_id,
            ingest_tasks.c.document_id == task.document_id,
            ingest_tasks.c.version == task.version,
            ingest_tasks.c.worker == self._worker,
        )

    def _lease_end(self) -> ColumnElement[object]:
        return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, self._lease_seconds)


def final(stage: Stage, reason: str | None = None) -> dict[str, object]:
    """The columns of a document whose work has ended."""
    percent = 100.0 if stage is Stage.READY else 0.0
    return {"stage": stage, "percent": percent, "eta_seconds": None, "reason": reason, "updated_at": func.now()}
