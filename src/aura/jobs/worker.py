"""The worker: takes turns from the queue, a few at once, until it is told to stop; goes on when the database comes back.

procrastinate fetches, locks and counts; the rules of what a turn does are here, and what is to be done is in the tables.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import msgspec
import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ProcrastinateException
from procrastinate.worker import Worker as Fetcher

from aura.clock import Clock
from aura.database import security
from aura.database.engine import Database
from aura.documents.pipeline import Pipeline
from aura.errors import AuraError
from aura.identity import ConversationId, Role, Scope, TenantId
from aura.jobs.housekeeping import Housekeeping
from aura.jobs.turns import DOCUMENTS, HOUSEKEEPING, MEMORY, QUEUE, WEBHOOKS, Turns
from aura.memory.deriving import Deriver
from aura.webhooks.delivery import Deliverer

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 10.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How often a worker looks, and how long a turn lasts."""

    sweep_seconds: float = 5.0
    """Between two looks for what was not queued: work of killed workers, tries that are due."""
    slice_seconds: float = 5.0
    """How long a document's embedding keeps its turn while others may wait."""
    silent_seconds: float = 20.0
    """How long a worker may be silent before its turns are taken from it."""

    @classmethod
    def of_lease(cls, seconds: float) -> Pace:
        """The pace at which a killed worker is noticed about when its lease runs out."""
        return cls(sweep_seconds=seconds / 4, silent_seconds=seconds)


class Worker:
    """One process's share of the work."""

    def __init__(
        self,
        *,
        database: Database,
        pipeline: Pipeline,
        deliverer: Deliverer,
        deriver: Deriver,
        housekeeping: Housekeeping,
        turns: Turns,
        clock: Clock,
        concurrency: int,
        pace: Pace,
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._deliverer = deliverer
        self._deriver = deriver
        self._housekeeping = housekeeping
        self._turns = turns
        self._clock = clock
        self._concurrency = concurrency
        self._pace = pace
        self._lost: list[int] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then what can not be finished within seconds is let go for others.

        Where the database goes away, the worker waits for it.
        """
        pause = 0.5
        while not stop.is_set():
            try:
                async with self._fetching() as fetcher:
                    pause = 0.5
                    await self._until(stop, fetcher)
            except (AuraError, ProcrastinateException, psycopg.Error) as error:
                logger.warning("the queue is away (%s); next try in %.1f s", type(error).__name__, pause)
            if not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        logger.info("worker stopped")

    @asynccontextmanager
    async def _fetching(self) -> AsyncGenerator[Fetcher]:
        app = self._app()
        async with app.open_async():
            if self._lost:
                await self._turns.forget(self._lost)
                self._lost = []
            await self._turns.housekeeping()
            yield Fetcher(
                app,
                queues=[QUEUE],
                name="aura",
                concurrency=self._concurrency,
                fetch_job_polling_interval=1.0,
                shutdown_graceful_timeout=_GRACE_SECONDS,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=self._pace.silent_seconds / 4,
                stalled_worker_timeout=self._pace.silent_seconds,
            )

    async def _until(self, stop: asyncio.Event, fetcher: Fetcher) -> None:
        """Fetch and sweep until `stop`, or until either fails."""
        fetching = asyncio.create_task(fetcher.run())
        sweeping = asyncio.create_task(self._sweep_forever())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((fetching, sweeping, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            fetcher.stop()
            for task in (sweeping, stopping):
                task.cancel()
            ended = await asyncio.gather(fetching, sweeping, stopping, return_exceptions=True)
            if fetcher.worker_id is not None:  # it could not sign off
                self._lost.append(fetcher.worker_id)
        for result in ended:
            if isinstance(result, Exception):
                raise result

    async def _sweep_forever(self) -> None:
        while True:
            try:
                await self._sweep()
            except AuraError as error:
                logger.warning("no sweep: %s", error)
            await asyncio.sleep(self._pace.sweep_seconds)

    async def _sweep(self) -> None:
        rescued = await self._turns.rescue(self._pace.silent_seconds)
        queued = await self._turns.sweep(self._clock.now())
        if rescued or queued:
            logger.info("sweep: %d turns of silent workers ended, %d queued", rescued, queued)

    def _app(self) -> App:
        options = f"-c search_path={security.JOBS_SCHEMA},pg_temp"
        connector = PsycopgConnector(
            conninfo=self._database.address(security.SYSTEM),
            kwargs={"options": options, "application_name": "aura-worker", "connect_timeout": 10},
            min_size=1,
            max_size=self._concurrency + 3,
            timeout=10.0,
        )
        app = App(connector=connector, worker_defaults={"queues": [QUEUE]})
        app.task(name=DOCUMENTS, queue=QUEUE)(self._documents)
        app.task(name=WEBHOOKS, queue=QUEUE)(self._webhooks)
        app.task(name=MEMORY, queue=QUEUE)(self._memory)
        app.task(name=HOUSEKEEPING, queue=QUEUE)(self._keep_house)
        app.periodic(cron="7 * * * *", periodic_id="hourly")(app.tasks[HOUSEKEEPING])
        return app

    async def _documents(self, tenant_id: str, lane: int) -> None:
        """One turn of one tenant: one document, or a slice of one."""
        tenant, started = TenantId(UUID(tenant_id)), time.monotonic()
        scope = Scope(tenant_id=tenant, role=Role.SERVICE)
        try:
            worked_on = await self._pipeline.run_next(
                scope, lambda: time.monotonic() - started > self._pace.slice_seconds
            )
        except AuraError as error:
            logger.warning("a document of tenant %s waits: %s", tenant, error)
            return
        if worked_on is not None:
            logger.info("document %s of tenant %s: turn of %.1f s", worked_on, tenant, time.monotonic() - started)
            await self._turns.wake(tenant)

    async def _webhooks(self, tenant_id: str) -> None:
        tenant = TenantId(UUID(tenant_id))
        try:
            sent = await self._deliverer.deliver(tenant)
        except AuraError as error:
            logger.warning("webhooks of tenant %s wait: %s", tenant, error)
            return
        if sent:
            logger.info("tenant %s: %d webhooks tried", tenant, sent)

    async def _memory(self, tenant_id: str, conversation_id: str) -> None:
        tenant = TenantId(UUID(tenant_id))
        try:
            done = await self._deriver.derive(tenant, ConversationId(UUID(conversation_id)))
        except AuraError as error:
            logger.warning("turns of tenant %s wait: %s", tenant, error)
            return
        if done:
            logger.info("tenant %s: derived from %d messages", tenant, done)

    async def _keep_house(self, timestamp: int | None = None) -> None:
        await self._housekeeping.run()
