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
from aura.errors import AuraError, Unavailable
from aura.identity import CollectionId, DocumentId, Role, Scope, TenantId, UserId
from aura.index import generations, writer
from aura.webhooks import outbox
from aura.webhooks.values import Event

logger = logging.getLogger(__name__)

LEASE_SECONDS = 20.0
"""How long a worker may be silent before another takes its document over."""
MOST_ATTEMPTS = 3
"""How often a document may take its process with it before it is failed."""
MOST_FAILURES = 8
"""How often a part that a document needs may be away before the document is failed."""
LONGEST_DELAY_SECONDS = 600.0
"""Between two tries. They come 1, 2, 4 … times as late as the part asks for."""


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
    failures: int = 0

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
        return await self._claim(scope, and_(ingest_tasks.c.document_id == document_id, free))

    async def claim_next(self, scope: Scope) -> Task | None:
        """The tenant's oldest task that may be taken up now; None where there is none. Never waits for another worker."""
        oldest = (
            select(ingest_tasks.c.document_id)
            .where(ingest_tasks.c.tenant_id == scope.tenant_id, ingest_tasks.c.lease_until <= func.now())
            .order_by(ingest_tasks.c.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return await self._claim(scope, ingest_tasks.c.document_id == oldest.scalar_subquery())

    async def _claim(self, scope: Scope, which: ColumnElement[bool]) -> Task | None:
        async with self._database.tenant(scope.as_service()) as session:
            row = (
                await session.execute(
                    update(ingest_tasks)
                    .where(ingest_tasks.c.tenant_id == scope.tenant_id, which)
                    .values(worker=self._worker, lease_until=self._lease_end(), attempts=ingest_tasks.c.attempts + 1)
                    .returning(ingest_tasks)
                )
            ).one_or_none()
            if row is None:
                return None
            document = (
                await session.execute(
                    select(documents).where(documents.c.tenant_id == scope.tenant_id, documents.c.id == row.document_id)
                )
            ).one()
        task = Task(
            tenant_id=scope.tenant_id,
            document_id=row.document_id,
            version=row.version,
            user_id=row.user_id,
            filename=document.filename,
            collection_id=document.collection_id,
            private_to=document.private_to,
            stage=Stage(document.stage),
            failures=row.failures,
        )
        if row.attempts > MOST_ATTEMPTS:
            reason = f"AURA stopped {MOST_ATTEMPTS} times while it worked on this file"
            await self.end(task, Stage.FAILED, reason, gave_up=True)
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
        await self._let_go(task, {"lease_until": func.now()})

    async def postpone(self, task: Task, error: Unavailable) -> bool:
        """Have the task taken up again later, each time later than before; False when it was tried often enough.

        The lease runs out by itself where it is the database that is away.
        """
        if task.failures >= MOST_FAILURES:
            return False
        delay = min(error.retry_after_seconds * 2**task.failures, LONGEST_DELAY_SECONDS)
        await self._let_go(task, {"lease_until": _from_now(delay), "failures": ingest_tasks.c.failures + 1})
        return True

    async def _let_go(self, task: Task, values: dict[str, object]) -> None:
        """The worker lives, so that this attempt counts for nothing."""
        attempts = func.greatest(ingest_tasks.c.attempts - 1, 0)
        try:
            async with self._database.tenant(task.scope) as session:
                await session.execute(
                    update(ingest_tasks).where(self.mine(task)).values(worker="", attempts=attempts, **values)
                )
        except AuraError:
            logger.info("the lease on document %s runs out by itself", task.document_id)

    async def cancelled(self, task: Task) -> bool:
        """Whether the task is still this worker's, and was cancelled."""
        async with self._database.tenant(task.scope) as session:
            return bool(await session.scalar(select(ingest_tasks.c.cancelled).where(self.mine(task))))

    async def end(
        self, task: Task, stage: Stage, reason: str | None, *, gave_up: bool = False, hopeless: bool = False
    ) -> bool:
        """End the task without a result; the version that answered before goes on answering.

        Args:
            gave_up: the document might be good, but it was tried often enough.
            hopeless: the file would fail the same way each time.
        """
        tenant_id = task.tenant_id
        async with self._database.tenant(task.scope) as session, generations.index_lock(session, tenant_id):
            done = await session.execute(delete(ingest_tasks).where(self.mine(task)))
            if done.rowcount == 0:
                return False
            await writer.withdraw(session, tenant_id, None, task.chunks)
            await session.execute(
                update(documents)
                .where(documents.c.tenant_id == tenant_id, documents.c.id == task.document_id)
                .values(pending_version=task.version, **final(stage, reason, hopeless=hopeless))
            )
            if stage is Stage.FAILED:
                await announce(session, task, Event.DOCUMENT_FAILED)
                if gave_up:
                    await announce(session, task, Event.JOB_DEAD)
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
        return _from_now(self._lease_seconds)


async def announce(session: AsyncConnection, task: Task, event: Event) -> None:
    """Tell the tenant's webhooks, in the transaction that makes it true. What is one member's alone is not told."""
    if task.private_to is None:
        about = {"document_id": str(task.document_id), "version": task.version}
        await outbox.put(session, task.tenant_id, event, about)


def _from_now(seconds: float) -> ColumnElement[object]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def final(stage: Stage, reason: str | None = None, *, hopeless: bool = False) -> dict[str, object]:
    """The columns of a document whose work has ended."""
    return {
        "stage": stage,
        "percent": 100.0 if stage is Stage.READY else 0.0,
        "eta_seconds": None,
        "reason": reason,
        "hopeless": hopeless,
        "updated_at": func.now(),
    }


async def queued(database: Database) -> int:
    """How many tasks of all tenants there are, those under way included. Cost: one round trip."""
    async with database.system() as session:
        return (await session.execute(select(func.count()).select_from(ingest_tasks))).scalar_one()
