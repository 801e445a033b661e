"""Several files at once: what happens to each of them, in one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Self

import msgspec

from aura.documents.sources import File
from aura.documents.values import IngestProgress


class Crew:
    """Workers that take files from one list until it ends; the first trouble that `take_in` raises ends them all.

    Args:
        take_in: what is done with a file.
        workers: files under way at once.
        total: how many there are, for the progress.
    """

    def __init__(
        self,
        files: Iterator[File],
        take_in: Callable[[File], AsyncGenerator[IngestProgress]],
        *,
        workers: int,
        total: int,
    ) -> None:
        self._files = files
        self._take_in = take_in
        self._count = workers
        self._total = total
        self._done = 0
        self._next = asyncio.Lock()
        self._reports: asyncio.Queue[IngestProgress | None] = asyncio.Queue(maxsize=1_000)
        self._workers: list[asyncio.Task[None]] = []
        self._closing = False

    async def __aenter__(self) -> Self:
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._count)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def progress(self) -> AsyncGenerator[IngestProgress]:
        """What happens to the files, with how many of them are done."""
        running = len(self._workers)
        while running:
            report = await self._reports.get()
            if report is None:
                running -= 1
                continue
            self._done += report.stage.final
            yield msgspec.structs.replace(report, files_done=self._done, files_total=self._total)
        for worker in self._workers:
            await worker

    async def _work(self) -> None:
        try:
            while (file := await self._take()) is not None:
                async with aclosing(self._take_in(file)) as reports:
                    async for report in reports:
                        await self._reports.put(report)
        finally:
            if not self._closing:  # else nobody reads any more, and a full queue would never take it
                await self._reports.put(None)

    async def _take(self) -> File | None:
        async with self._next:  # a generator runs in one thread at a time
            return await asyncio.to_thread(next, self._files, None)
