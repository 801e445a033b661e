"""Parsing in processes of their own, so that a file that hangs, crashes or eats memory fails alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from aura.documents.formats import Format
from aura.documents.parsing import worker
from aura.documents.parsing.parse import Parsed
from aura.errors import InvalidRequest, Unavailable

_JOBS_PER_PROCESS = 100
"""A process is replaced after so many files: parsers and the allocator keep some memory of each."""

Outcome = tuple[Format, Parsed]
Parse = Callable[[worker.Job], Outcome]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed file: its canonical text and elements are in the folder that the caller named.

    `characters` is the length of the text; `pages` is None for formats without pages.
    """

    format: Format
    media_type: str
    characters: int
    pages: int | None
    pages_without_text: int


class Loader:
    """Parses files in a pool of killable processes. An async context manager; the first `load` starts the pool.

    Args:
        processes: how many files are parsed at once; further ones wait their turn.
        timeout_seconds: a file that takes longer is given up, not counting its wait.
        memory_bytes: what a parser process may use, where the system can limit it.
        max_bytes: a larger file is refused before it is read.
        parse: what to run for each job, instead of telling the format and parsing it; a module's own function.
    """

    def __init__(
        self,
        *,
        processes: int = 1,
        timeout_seconds: float = 300.0,
        memory_bytes: int = 2 * 1024**3,
        max_bytes: int | None = None,
        parse: Parse = worker.parse_job,
    ) -> None:
        self._processes = processes
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._max_bytes = max_bytes
        self._parse = parse
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._running: set[ProcessFuture[Outcome]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def load(self, source: Path, filename: str, out_dir: Path, *, ocr: bool = False) -> Loaded:
        """Parse a file into the folder `out_dir`, which must exist. Cancelling this kills the parser.

        Args:
            filename: the file's own name, which may tell its format; `source` can be called anything.
            ocr: read the pages of a PDF that have no text by OCR (the extra `ocr`).

        Raises:
            InvalidRequest: the file can not be parsed; the message says why, and is fit for the document's owner.
            Unavailable: no parser process can run, or the loader is closing.
        """
        job = worker.Job(
            source=source,
            filename=filename,
            out_dir=out_dir,
            ocr=ocr,
            max_bytes=self._max_bytes,
            timeout_seconds=self._timeout_seconds,
        )
        try:
            format, parsed = await self._run(job)
        except BrokenProcessPool:
            # pebble gives the whole pool up when a process dies between two jobs, and fails every job that waits.
            # They are not to blame: once more, in a new pool.
            try:
                format, parsed = await self._run(job)
            except BrokenProcessPool as error:
                raise Unavailable("the parser process does not start; see `aura doctor`") from error
        return Loaded(
            format=format,
            media_type=format.media_type,
            characters=parsed.characters,
            pages=parsed.pages,
            pages_without_text=parsed.pages_without_text,
        )

    async def close(self) -> None:
        """Kill what is running, and end the processes."""
        self._closed = True
        for future in tuple(self._running):
            future.cancel()
        await asyncio.to_thread(self._stop)

    async def _run(self, job: worker.Job) -> Outcome:
        pool = await asyncio.to_thread(self._started)
        try:
            future = pool.schedule(worker.run, args=(job, self._parse), timeout=self._timeout_seconds)
        except RuntimeError as error:
            raise BrokenProcessPool("the pool broke before it took the job") from error
        self._running.add(future)
        try:
            return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise InvalidRequest(
                f"parsing took longer than {self._timeout_seconds:g} s and was stopped; split the file and try again",
                may_pass=True,
            ) from error
        except ProcessExpired as error:
            raise InvalidRequest(
                f"the parser died of it (exit code {error.exitcode}); the file is damaged, or needs more memory than is"
                " allowed",
                may_pass=True,
            ) from error
        except (asyncio.CancelledError, CancelledError):
            task = asyncio.current_task()
            if self._closed and (task is None or not task.cancelling()):
                raise Unavailable("the parser is shutting down; try again once AURA is back") from None
            raise
        finally:
            self._running.discard(future)

    def _started(self) -> ProcessPool:
        """The pool, started; a new one if the last one broke. Blocks for some 20 ms then."""
        with self._lock:
            if self._closed:
                raise Unavailable("the parser is shut down; open AURA again")
            if self._pool is not None and not self._pool.active:
                self._pool.join()
                self._pool = None
            if self._pool is None:
                self._pool = ProcessPool(
                    max_workers=self._processes,
                    max_tasks=_JOBS_PER_PROCESS,
                    initializer=worker.prepare,
                    initargs=(self._memory_bytes,),
                    context=_Context(),
                )
                # Asking a new pool whether it is active starts it.
                _ = self._pool.active
            return self._pool

    def _stop(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.stop()
                self._pool.join()
                self._pool = None


_launching = threading.Lock()


class _Process(SpawnProcess):
    """A spawned process that does not run the program's main module again.

    multiprocessing imports the parent's main module into every child, so that functions defined there are found. A
    script without an `if __name__ == "__main__":` guard, such as the one in AURA's own README, would open AURA in every
    parser process. Nothing that runs here is defined there. Can go when multiprocessing lets one choose (joblib's loky
    works around the same).
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802
        launcher = threading.get_ident()
        with _launching:
            original = spawn.get_preparation_data

            def without_main(name: str) -> dict[str, Any]:
                data: dict[str, Any] = original(name)
                if threading.get_ident() == launcher:
                    data.pop("init_main_from_name", None)
                    data.pop("init_main_from_path", None)
                return data

            spawn.get_preparation_data = without_main
            try:
                return SpawnProcess._Popen(process_obj)
            finally:
                spawn.get_preparation_data = original


class _Context(SpawnContext):
    Process = _Process
