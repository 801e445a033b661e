"""The process whose memory `bench memory` samples: `python -m aura_evals.bench.memory_child PDF`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aura_evals.sandbox import new_tenant, open_sandbox


async def ingest(path: Path) -> None:
    """Ingest one file with the configured model, and print what came of it."""
    async with open_sandbox() as aura:
        workspace = await new_tenant(aura)
        last = None
        async for progress in workspace.documents.ingest(path):
            last = progress
        if last is None or last.reason:
            raise SystemExit(f"it was not ingested: {last}")
        sys.stdout.write(f"{last.chunks:,} chunks\n")


if __name__ == "__main__":
    asyncio.run(ingest(Path(sys.argv[1])))
