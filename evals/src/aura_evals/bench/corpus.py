"""`bench corpus`: what a run of evals over a large corpus keeps in memory, interrupted once and taken up again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aura_evals.bench.report import Goal, Recorder, Report
from aura_evals.bench.synthetic import prose

_GOAL = Goal(limit=1.15)
"""Resident memory at the end, in units of that at a tenth: the caches of a young process still fill up."""
_CHILD = "aura_evals.bench.corpus_child"
_QUERIES = 5


def bench_corpus(documents: int) -> Report:
    """Run a suite over `documents` made-up documents in BEIR's layout, with an embedding that costs nothing.

    The run is interrupted after a third, and started again in a new process: that one's memory is compared at a tenth of
    the corpus behind its beginning, at half of it and at the end. PostgreSQL is another server and is left out.
    """
    recorder = Recorder("corpus")
    with TemporaryDirectory(prefix="aura-bench-") as folder:
        write_corpus(Path(folder) / "corpus", documents)
        started = time.perf_counter()
        first = _run(Path(folder), documents // 3)
        second = _run(Path(folder), None)
        seconds = time.perf_counter() - started
    begins, early = second[0][0], documents // 3 + documents // 10
    at = {part: _at(second, part) for part in (early, documents // 2, documents)}
    for part, megabytes in at.items():
        goal = None if part == early else _GOAL
        recorder.add(f"resident at {part:,} documents", megabytes, "MB", against=at[early], goal=goal)
    recorder.note(
        f"{documents:,} documents in {seconds:.0f} s; interrupted at {first[-1][0]:,} ({first[-1][1]:.0f} MB), and taken up"
        f" at {begins:,}"
    )
    return recorder.report()


def write_corpus(folder: Path, documents: int) -> None:
    """A corpus whose every document has a code of its own, and a few questions after codes."""
    (folder / "qrels").mkdir(parents=True)
    random = np.random.default_rng(0)
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for number in range(documents):
            file.write(json.dumps({"_id": f"d{number}", "text": f"code{number} {prose(random, 40)}"}) + "\n")
    asked = np.linspace(0, documents - 1, _QUERIES).astype(int)
    queries = "".join(json.dumps({"_id": f"q{n}", "text": f"code{n}"}) + "\n" for n in asked)
    (folder / "queries.jsonl").write_text(queries, encoding="utf-8")
    lines = "".join(f"q{n}\td{n}\t1\n" for n in asked)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}", encoding="utf-8")


def _run(folder: Path, stop_at: int | None) -> list[tuple[int, float]]:
    """Documents that were indexed so far and megabytes that were resident then, of one process."""
    command = [sys.executable, "-m", _CHILD, str(folder), str(stop_at or 0)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [(int(documents), float(megabytes)) for documents, megabytes in map(str.split, ended.stdout.splitlines())]


def _at(found: list[tuple[int, float]], documents: int) -> float:
    return next(megabytes for done, megabytes in found if done >= documents)
