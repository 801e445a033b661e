"""Turns: a job says whose turn it is, never what is to be done. That stands in the tables, which a lost job does not touch.

A tenant has a few lanes. In each at most one turn runs and one waits, and a turn that ends goes to the end of the queue: so
tenants alternate, however much one of them has queued. The statements write to procrastinate's own table, because its
functions know no `ON CONFLICT`: waking a tenant that is awake is the common case.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import text

from aura.database.engine import Database
from aura.errors import AuraError
from aura.identity import ConversationId, TenantId

logger = logging.getLogger(__name__)

QUEUE: Final = "aura"
DOCUMENTS: Final = "documents"
WEBHOOKS: Final = "webhooks"
MEMORY: Final = "memory"
HOUSEKEEPING: Final = "housekeeping"


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of a tenant."""

    tenant_id: TenantId
    conversation_id: ConversationId


class Turns:
    """Puts turns into the queue. Every call may be repeated, and may be lost: the sweep makes up for it."""

    def __init__(self, database: Database, *, lanes: int, quiet_seconds: float = 2.0) -> None:
        """`quiet_seconds`: how long a conversation must have rested before anything is derived from it."""
        self._database = database
        self._lanes = lanes
        self._quiet_seconds = quiet_seconds

    async def wake(self, tenant_id: TenantId) -> None:
        """Give a tenant with documents that wait its turns. Never raises what the sweep makes good. Cost: one round trip."""
        try:
            await self.documents(tenant_id)
        except AuraError as error:
            logger.info("tenant %s waits for the sweep: %s", tenant_id, error)

    async def documents(self, tenant_id: TenantId) -> int:
        """Queue turns for a tenant if documents of it wait; how many were new."""
        async with self._database.system() as session:
            done = await session.execute(_WAKE, {"tenant": tenant_id, "lanes": self._lanes})
            return done.rowcount

    async def sweep(self, now: datetime) -> int:
        """Queue turns for every tenant with files, webhooks or talks that wait; how many were new. Cost: three statements.

        Args:
            now: what time it is for webhooks.
        """
        async with self._database.system() as session:
            for_documents = await session.execute(_SWEEP, {"lanes": self._lanes})
            for_webhooks = await session.execute(_DUE, {"now": now})
            for_memory = await session.execute(_RESTED, {"quiet": self._quiet_seconds, "most": _MOST_TALKS})
            return for_documents.rowcount + for_webhooks.rowcount + for_memory.rowcount

    async def webhooks(self, now: datetime) -> int:
        """Queue turns for the tenants with webhooks to deliver; how many were new."""
        async with self._database.system() as session:
            return (await session.execute(_DUE, {"now": now})).rowcount

    async def housekeeping(self) -> None:
        """Queue what is else done by the clock."""
        async with self._database.system() as session:
            await session.execute(_HOUSEKEEPING)

    @asynccontextmanager
    async def unattended(self, silent_seconds: float, *, rested: bool) -> AsyncGenerator[list[Talk]]:
        """Talks that wait to be derived from while no worker has been alive for so long; other processes get none meanwhile.

        Args:
            rested: only those that have rested, as `sweep` does.
        """
        quiet = self._quiet_seconds if rested else 0.0
        asked = {"seconds": silent_seconds, "quiet": quiet, "most": _MOST_TALKS}
        async with self._database.system() as session:
            yield [msgspec.convert(row, Talk) for row in (await session.execute(_UNATTENDED, asked)).mappings()]

    async def rescue(self, silent_seconds: float) -> int:
        """Take turns from workers that were silent for so long; how many. The sweep then queues them anew."""
        async with self._database.system() as session:
            return (await session.execute(_RESCUE, {"seconds": silent_seconds})).rowcount

    async def forget(self, worker_ids: list[int]) -> None:
        """Take the turns of workers that are known to be gone."""
        async with self._database.system() as session:
            await session.execute(_FORGET_TURNS, {"workers": worker_ids})
            await session.execute(_FORGET_WORKERS, {"workers": worker_ids})


_WAKE = text(
    """
    INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    SELECT 'aura', 'documents', format('documents:%s:%s', tenant_id, lane), format('documents:%s:%s', tenant_id, lane),
      jsonb_build_object('tenant_id', tenant_id, 'lane', lane)
    FROM (SELECT CAST(:tenant AS uuid) AS tenant_id) AS woken, generate_series(1, :lanes) AS lane
    WHERE EXISTS (SELECT FROM ingest_tasks AS task WHERE task.tenant_id = woken.tenant_id AND task.lease_until <= now())
    ORDER BY lane
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    """
)
_SWEEP = text(
    """
    INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    SELECT 'aura', 'documents', format('documents:%s:%s', tenant_id, lane), format('documents:%s:%s', tenant_id, lane),
      jsonb_build_object('tenant_id', tenant_id, 'lane', lane)
    FROM (SELECT DISTINCT tenant_id FROM ingest_tasks WHERE lease_until <= now()) AS waiting,
      generate_series(1, :lanes) AS lane
    ORDER BY lane, tenant_id
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    """
)
_DUE = text(
    """
    INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    SELECT 'aura', 'webhooks', format('webhooks:%s', tenant_id), format('webhooks:%s', tenant_id),
      jsonb_build_object('tenant_id', tenant_id)
    FROM (SELECT DISTINCT tenant_id FROM webhook_deliveries WHERE state = 'waiting' AND next_attempt_at <= :now) AS due
    ORDER BY tenant_id
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    """
)
_RESTED = text(
    """
    INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    SELECT 'aura', 'memory', format('memory:%s', conversation_id), format('memory:%s', conversation_id),
      jsonb_build_object('tenant_id', tenant_id, 'conversation_id', conversation_id)
    FROM memory_outbox WHERE due_at <= now() GROUP BY tenant_id, conversation_id
    HAVING max(created_at) <= now() - make_interval(secs => :quiet)
      OR min(created_at) <= now() - make_interval(secs => :quiet * 10)
    ORDER BY row_number() OVER (PARTITION BY tenant_id ORDER BY min(created_at)) LIMIT :most
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    """
)
_UNATTENDED = text(
    """
    WITH turn AS MATERIALIZED (
      SELECT pg_try_advisory_xact_lock(hashtextextended('aura: memory without a worker', 0)) AS mine
    )
    SELECT tenant_id, conversation_id FROM memory_outbox, turn
    WHERE due_at <= now() AND turn.mine AND NOT EXISTS (SELECT FROM procrastinate.procrastinate_workers AS worker
        WHERE worker.last_heartbeat > now() - make_interval(secs => :seconds))
    GROUP BY tenant_id, conversation_id
    HAVING max(created_at) <= now() - make_interval(secs => :quiet)
      OR min(created_at) <= now() - make_interval(secs => :quiet * 10)
    ORDER BY row_number() OVER (PARTITION BY tenant_id ORDER BY min(created_at)) LIMIT :most
    """
)
_MOST_TALKS = 500
"""Of one sweep; tenants alternate."""
_HOUSEKEEPING = text(
    """
    INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, lock, queueing_lock)
    VALUES ('aura', 'housekeeping', 'housekeeping', 'housekeeping')
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    """
)
_RESCUE = text(
    """
    DELETE FROM procrastinate.procrastinate_jobs AS job WHERE job.status = 'doing' AND NOT EXISTS (
      SELECT FROM procrastinate.procrastinate_workers AS worker WHERE worker.id = job.worker_id
        AND worker.last_heartbeat > now() - make_interval(secs => :seconds))
    """
)
_FORGET_TURNS = text(
    "DELETE FROM procrastinate.procrastinate_jobs WHERE status = 'doing' AND worker_id = ANY(CAST(:workers AS bigint[]))"
)
_FORGET_WORKERS = text("DELETE FROM procrastinate.procrastinate_workers WHERE id = ANY(CAST(:workers AS bigint[]))")
