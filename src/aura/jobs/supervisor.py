"""Keeps worker processes running beside a server: starts them, starts them again when they die, and takes them along.

No worker outlives its supervisor: each holds the other end of a pipe, and ends when that closes, which even SIGKILL does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

logger = logging.getLogger(__name__)

STEADY_SECONDS: Final = 60.0
"""A worker that ran for so long is started again at once; one that dies sooner, later each time."""
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
STOP_SECONDS: Final = 20.0
"""How long a worker may take to let go of its work before it is killed."""

PROGRAM: Final = "from aura.cli import main; main()"
"""The command `aura`, which reads the rest of its command line."""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One place for a worker. `pid` is None while none runs there; `starts` counts all that did."""

    pid: int | None
    starts: int


class Supervisor:
    """A few worker processes, each in a place of its own."""

    def __init__(self, command: Sequence[str], *, count: int = 1) -> None:
        self._command = tuple(command)
        self._places: list[WorkerStatus] = [WorkerStatus(pid=None, starts=0) for _ in range(count)]

    @classmethod
    def of_workers(cls, *, data_dir: Path | None = None, count: int = 1, program: str = PROGRAM) -> Supervisor:
        """A supervisor of `aura worker` processes, which read the environment of this one.

        Args:
            data_dir: where AURA keeps its data, where that is not what the environment says.
            program: what Python runs; the command `aura`, after what the caller's logs need.
        """
        where = () if data_dir is None else ("--data-dir", str(data_dir))
        return cls((sys.executable, "-c", program, *where, "worker", "--with-parent"), count=count)

    @property
    def workers(self) -> tuple[WorkerStatus, ...]:
        """What runs now."""
        return tuple(self._places)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Supervisor]:
        """Keep the workers running while the body does; then stop them, and wait for them."""
        keepers = [asyncio.create_task(self._keep(place)) for place in range(len(self._places))]
        try:
            yield self
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, place: int) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            started = time.monotonic()
            try:
                code: int | None = await self._run(place)
            except Exception:  # the edge of the keeper: a worker that can not be started now is started later
                logger.exception("worker %d could not be started", place)
                code = None
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - started > STEADY_SECONDS else pause
            logger.warning("worker %d ended with code %s; another starts in %.1f s", place, code, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run(self, place: int) -> int:
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=DEVNULL, env=dict(os.environ))
        self._places[place] = WorkerStatus(pid=process.pid, starts=self._places[place].starts + 1)
        try:
            return await process.wait()
        finally:
            await asyncio.shield(_end(process))
            self._places[place] = msgspec.structs.replace(self._places[place], pid=None)


@asynccontextmanager
async def worker_process(*, data_dir: Path | None = None, program: str = PROGRAM) -> AsyncGenerator[Supervisor]:
    """Keep one `aura worker` running while the body does."""
    async with Supervisor.of_workers(data_dir=data_dir, program=program).running() as supervisor:
        yield supervisor


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        logger.warning("worker process %d does not stop; it is killed", process.pid)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
