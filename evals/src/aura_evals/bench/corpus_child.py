"""The process whose memory `bench corpus` reads: `python -m aura_evals.bench.corpus_child FOLDER STOP_AT`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from rich.progress import Progress

from aura.testing.embeddings import HashEmbedding
from aura_evals.beir import open_dataset
from aura_evals.progress import Bar, Bars
from aura_evals.retrieval import run_retrieval
from aura_evals.sandbox import Equipment
from aura_evals.suite import Suite
from aura_evals.timings import Timings
from aura_evals.vectors import VectorCache

_SUITE = Suite(name="corpus", kind="retrieval", legs=("hybrid",), metrics=("mrr",))
_MEGABYTE = 1e6


class Interrupted(Exception):
    """The run has come as far as it was to come."""


class _Watched(Bar):
    """Says how far a run is, and what it keeps in memory."""

    def __init__(self, stop_at: int) -> None:
        progress = Progress(disable=True)
        super().__init__(progress, progress.add_task(""))
        self._done, self._stop_at = 0, stop_at
        self._process = psutil.Process()

    def advance(self, by: int = 1) -> None:
        """Say that so much more is done. Raises `Interrupted` where the run is to end."""
        self._done += by
        sys.stdout.write(f"{self._done} {self._process.memory_info().rss / _MEGABYTE}\n")
        if self._stop_at and self._done >= self._stop_at:
            raise Interrupted


class _Watching(Bars):
    def __init__(self, stop_at: int) -> None:
        super().__init__()
        self._stop_at = stop_at

    def bar(self, what: str, total: int) -> Bar:
        """A line that is watched where documents are indexed."""
        return _Watched(self._stop_at) if what.startswith("indexing") else super().bar(what, total)


async def run(folder: Path, stop_at: int) -> None:
    """Index the corpus from where the last run was interrupted, and ask its questions: each must find its document."""
    with VectorCache(folder / "cache") as cache:
        equipment = Equipment(
            cache=cache,
            bars=_Watching(stop_at),
            timings=Timings(),
            data_dir=folder / "data",
            embed_model=HashEmbedding(),
        )
        outcome = await run_retrieval(_SUITE, open_dataset(folder / "corpus"), equipment)
    if any(case.values["hybrid.mrr"] < 1 for case in outcome.cases):
        raise SystemExit("a document was lost: its own code does not find it")


if __name__ == "__main__":
    with suppress(Interrupted):
        asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
