"""Takes up documents whose worker died: a task that nobody renews belongs to whoever sees it first."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import func, select

from aura.database.engine import Database
from aura.database.tables import ingest_tasks
from aura.documents.pipeline import Pipeline
from aura.errors import AuraError
from aura.identity import Role, Scope

logger = logging.getLogger(__name__)


async def recover_forever(database: Database, pipeline: Pipeline, *, every_seconds: float = 5.0) -> None:
    """Work on abandoned documents, one after the other, until cancelled."""
    while True:
        try:
            await recover(database, pipeline)
        except AuraError as error:
            logger.warning("abandoned documents wait: %s", error)
        await asyncio.sleep(every_seconds)


async def recover(database: Database, pipeline: Pipeline) -> int:
    """Work on the documents that are abandoned now; how many that were. One that can not go on waits; the others do not."""
    async with database.system() as session:
        rows = await session.execute(
            select(ingest_tasks.c.tenant_id, ingest_tasks.c.document_id, ingest_tasks.c.user_id)
            .where(ingest_tasks.c.lease_until < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 1))
            .order_by(ingest_tasks.c.created_at)
            .limit(100)
        )
        tasks = rows.all()
    for task in tasks:
        scope = Scope(tenant_id=task.tenant_id, user_id=task.user_id, role=Role.SERVICE)
        try:
            await pipeline.run(scope, task.document_id, lambda _: None)
        except AuraError as error:
            logger.warning("document %s of tenant %s waits: %s", task.document_id, task.tenant_id, error)
    return len(tasks)
