"""`workspace.jobs`: what of a tenant's work waits, runs and has failed, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import documents, ingest_tasks, webhook_deliveries
from aura.documents.values import Stage
from aura.identity import DocumentId, Scope


class JobState(StrEnum):
    """Where a document's work stands. `RETRYING` waits for a part that was away; `DEAD` is not tried again by itself."""

    WAITING = "waiting"
    WORKING = "working"
    RETRYING = "retrying"
    DEAD = "dead"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The work on one document. `can_retry`: it is dead, and trying it again may help."""

    document_id: DocumentId
    filename: str
    state: JobState
    stage: Stage
    percent: float
    reason: str | None
    can_retry: bool
    attempts: int
    failures: int
    queued_at: datetime
    next_attempt_at: datetime | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to do. `oldest_queued_at` is of what has not ended, None where nothing waits."""

    documents: dict[JobState, int]
    webhooks: dict[str, int]
    oldest_queued_at: datetime | None


class Jobs:
    """The jobs of the scope's organisation, as far as the scope sees their documents."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    async def overview(self) -> Overview:
        """Counts by state. Cost: two statements."""
        jobs = self._jobs().subquery()
        counted = select(jobs.c.state, func.count().label("count"), func.min(jobs.c.oldest).label("oldest"))
        sent = select(webhook_deliveries.c.state, func.count().label("count")).where(
            visible(webhook_deliveries, self._scope)
        )
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(counted.group_by(jobs.c.state))).all()
            deliveries = (await session.execute(sent.group_by(webhook_deliveries.c.state))).all()
        found = {JobState(row.state): int(row[1]) for row in rows}
        return Overview(
            documents={state: found.get(state, 0) for state in JobState},
            webhooks={str(row.state): int(row[1]) for row in deliveries},
            oldest_queued_at=min((row.oldest for row in rows if row.oldest is not None), default=None),
        )

    async def list(self, *, state: JobState | None = None, limit: int = 100) -> tuple[Job, ...]:
        """Jobs that have not ended well: what runs, then what waits, then what is dead; each the oldest first."""
        jobs = self._jobs().subquery()
        query = select(*(jobs.c[name] for name in Job.__struct_fields__)).order_by(
            case({JobState.WORKING: 0, JobState.RETRYING: 1, JobState.WAITING: 2}, value=jobs.c.state, else_=3),
            jobs.c.queued_at,
            jobs.c.document_id,
        )
        if state is not None:
            query = query.where(jobs.c.state == state)
        async with self._database.tenant(self._scope) as session:
            rows = (await session.execute(query.limit(limit))).mappings().all()
        return tuple(msgspec.convert(row, Job) for row in rows)

    def _jobs(self) -> Select[Any]:
        task = ingest_tasks.c
        same = and_(task.tenant_id == documents.c.tenant_id, task.document_id == documents.c.id)
        state: ColumnElement[str] = case(
            (task.document_id.is_(None), JobState.DEAD),
            (and_(task.worker != "", task.lease_until > func.now()), JobState.WORKING),
            (task.failures > 0, JobState.RETRYING),
            else_=JobState.WAITING,
        )
        waits = and_(task.worker == "", task.failures > 0)
        return (
            select(
                documents.c.id.label("document_id"),
                documents.c.filename,
                state.label("state"),
                documents.c.stage,
                documents.c.percent,
                documents.c.reason,
                and_(documents.c.stage == Stage.FAILED, ~documents.c.hopeless).label("can_retry"),
                func.coalesce(task.attempts, 0).label("attempts"),
                func.coalesce(task.failures, 0).label("failures"),
                func.coalesce(task.created_at, documents.c.updated_at).label("queued_at"),
                case((waits, task.lease_until)).label("next_attempt_at"),
                task.created_at.label("oldest"),
            )
            .select_from(documents.outerjoin(ingest_tasks, same))
            .where(visible(documents, self._scope))
            .where(or_(task.document_id.is_not(None), documents.c.stage == Stage.FAILED))
        )
