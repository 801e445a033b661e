"""A large text flows through: the event loop stays free, and memory does not follow the file's size."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ingest_support import GatedEmbedding, pipeline

from aura import Workspace
from aura.database.engine import Database
from aura.documents.load import Loader
from aura.documents.values import IngestProgress, Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEGABYTE = 1024 * 1024
SIZE = int(os.environ.get("INGEST_TEST_MEGABYTES", "8")) * MEGABYTE
"""Of the file: 8 in every run, 200 by hand where that is to be shown."""
WARM_CHUNKS = 2_000
"""Until then libraries load and buffers grow, whatever the size of the file."""


async def test_a_large_text_neither_blocks_the_loop_nor_fills_memory(
    acme: Workspace, records: Database, data_dir: Path, tmp_path: Path
) -> None:
    model, file = GatedEmbedding.open(), tmp_path / "large.txt"
    with file.open("w") as out:
        for number in range(SIZE // 64):
            out.write(f"{number:09} herons fly over the lake, and one of them is grey.\n\n")
    document, _ = await acme.documents.add(file, file.name)
    lags: list[float] = []
    warm = 0

    def seen(progress: IngestProgress) -> None:
        nonlocal warm
        if progress.stage is Stage.SPLITTING and progress.chunks <= WARM_CHUNKS:
            warm = _peak_bytes()

    # When the first texts are embedded, all of the file has gone through parsing and splitting.
    model.stop_after(0)
    async with Loader() as loader, _watched(lags):
        work = pipeline(records, data_dir, model, loader, count=lambda text: len(text) // 4, lease_seconds=20)
        working = asyncio.create_task(work.run(acme.scope, document.id, seen))
        await asyncio.to_thread(model.wait_until_stopped, max(300, 8 * SIZE // MEGABYTE))
        working.cancel()
        await asyncio.wait([working])
    model.let_through()

    grown = _peak_bytes() - warm
    print(f"{SIZE // MEGABYTE} MB: longest lag {max(lags) * 1000:.0f} ms, memory grew by {grown / MEGABYTE:.0f} MB")
    assert warm
    assert max(lags) < 1.0
    assert grown < 2 * SIZE


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@asynccontextmanager
async def _watched(lags: list[float]) -> AsyncIterator[None]:
    async def watch() -> None:
        while True:
            asked = time.monotonic()
            await asyncio.sleep(0.01)
            lags.append(time.monotonic() - asked - 0.01)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
