"""Writes what is generated to the database, for all responses of a tenant together: never a write for each token."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from uuid import UUID

from aura.answering.response_records import Records, State
from aura.answering.response_run import Halt, Run
from aura.errors import AuraError
from aura.identity import TenantId

logger = logging.getLogger(__name__)

WRITE_SECONDS = 0.5
"""The time between two writes. The first event and the end are written at once."""

Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


class Journal:
    """The responses that this process generates, each written while it lasts and forgotten once its end is written.

    Cost: two or three statements in one transaction, twice a second for each tenant that is being answered, and one more
    when a response begins or ends.
    """

    def __init__(self, records: Records, spawn: Spawn, *, resume_seconds: float, lease_seconds: float) -> None:
        self._records = records
        self._spawn = spawn
        self._resume_seconds = resume_seconds
        self._lease_seconds = lease_seconds
        self._desks: dict[TenantId, _Desk] = {}

    def find(self, tenant_id: TenantId, response_id: UUID) -> Run | None:
        """The run of a response, while this process has it."""
        desk = self._desks.get(tenant_id)
        return None if desk is None else desk.runs.get(response_id)

    @property
    def runs(self) -> list[Run]:
        """All that this process has."""
        return [run for desk in self._desks.values() for run in desk.runs.values()]

    def keep(self, run: Run) -> None:
        """Write the run's events from now on."""
        tenant_id = run.scope.tenant_id
        if tenant_id not in self._desks:
            self._desks[tenant_id] = desk = _Desk()
            desk.runs[run.id] = run
            desk.task = self._spawn(self._write_on(tenant_id, desk))
        self._desks[tenant_id].runs[run.id] = run

    def hurry(self, run: Run) -> None:
        """Write at once."""
        if (desk := self._desks.get(run.scope.tenant_id)) is not None:
            desk.urgent.set()

    def give_up(self, run: Run) -> None:
        """Let a run end where it is, and write nothing more of it."""
        if (desk := self._desks.get(run.scope.tenant_id)) is not None:
            self._give_up(desk, run)

    async def close(self) -> None:
        """Write what there is, and let other processes have what has not ended."""
        for tenant_id, desk in list(self._desks.items()):
            if desk.task is not None:
                desk.task.cancel()
                await asyncio.wait([desk.task])
            await self._write(tenant_id, desk)
            with suppress(AuraError):  # the leases run out by themselves
                await self._records.release(tenant_id, [run.id for run in desk.runs.values() if run.durable])
        self._desks.clear()

    async def _write_on(self, tenant_id: TenantId, desk: _Desk) -> None:
        try:
            while desk.runs:
                with suppress(TimeoutError):
                    await asyncio.wait_for(desk.urgent.wait(), WRITE_SECONDS)
                desk.urgent.clear()
                await self._write(tenant_id, desk)
        except Exception:  # the edge of this task: nobody may wait for what is not written any more
            logger.exception("the responses of tenant %s can not be written", tenant_id)
            for run in list(desk.runs.values()):
                self._give_up(desk, run)
        finally:
            if self._desks.get(tenant_id) is desk and not desk.runs:
                del self._desks[tenant_id]

    async def _write(self, tenant_id: TenantId, desk: _Desk) -> None:
        for run in [run for run in desk.runs.values() if not run.durable]:
            self._look_after(desk, run)
        runs = [run for run in desk.runs.values() if run.durable]
        entries = [run.entry() for run in runs]
        if not entries:
            return
        try:
            words = await self._records.write(tenant_id, entries)
        except AuraError as error:
            logger.warning("%s responses of tenant %s are not written: %s", len(runs), tenant_id, error)
            for run in runs:
                if run.silent_seconds > self._lease_seconds:  # somebody else may have it by now
                    self._give_up(desk, run)
            return
        for run, entry in zip(runs, entries, strict=True):
            if entry.response_id not in words:
                self._give_up(desk, run)
                continue
            run.note(entry, words[entry.response_id], resume_seconds=self._resume_seconds)
            if entry.state is not State.RUNNING:
                desk.runs.pop(run.id, None)

    def _look_after(self, desk: _Desk, run: Run) -> None:
        """What has no row: stop it, and in the end forget it, when nobody listens."""
        if run.unheard_seconds > self._resume_seconds:
            if run.over:
                desk.runs.pop(run.id, None)
            else:
                run.interrupt(Halt.STOPPED)

    def _give_up(self, desk: _Desk, run: Run) -> None:
        run.interrupt(Halt.LOST)
        desk.runs.pop(run.id, None)


class _Desk:
    """One tenant's responses, and the task that writes them."""

    def __init__(self) -> None:
        self.runs: dict[UUID, Run] = {}
        self.urgent = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
