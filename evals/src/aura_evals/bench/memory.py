"""`bench memory`: the most memory that the ingest of a long PDF takes, of AURA and of its parser."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import psutil

from aura_evals.bench.report import Goal, Recorder, Report
from aura_evals.bench.synthetic import prose

_GOAL = Goal(limit=1200, absolute=True)
_MEGABYTE = 1e6
_EVERY_SECONDS = 0.05
_CHILD = "aura_evals.bench.memory_child"


class Peaks(msgspec.Struct, kw_only=True):
    """The most megabytes that were resident at once: of AURA's own process, of all its children, of both together."""

    own: float = 0.0
    children: float = 0.0
    together: float = 0.0


def bench_memory(pages: int, words: int) -> Report:
    """Ingest a PDF of `pages` pages in a process of its own, with the real model, and sample its resident memory.

    PostgreSQL is another server and is left out. Pages that processes share are counted for each of them.
    """
    recorder = Recorder("memory")
    with TemporaryDirectory(prefix="aura-bench-") as folder:
        pdf = write_pdf(Path(folder) / "book.pdf", pages, words)
        started = time.perf_counter()
        with subprocess.Popen([sys.executable, "-m", _CHILD, str(pdf)], stdout=subprocess.PIPE, text=True) as child:
            peaks = _watch(child)
            output = child.stdout.read() if child.stdout else ""
        if child.returncode:
            raise RuntimeError(f"the ingest ended with exit code {child.returncode}")
    recorder.add("AURA's process, with the model", peaks.own, "MB")
    recorder.add("its parser processes", peaks.children, "MB")
    recorder.add("both at once", peaks.together, "MB", goal=_GOAL)
    recorder.note(f"{pages:,} pages, {output.strip()}; {time.perf_counter() - started:.0f} s with the start of AURA")
    return recorder.report()


def write_pdf(path: Path, pages: int, words: int) -> Path:
    """A PDF of `pages` pages of `words` words each."""
    from fpdf import FPDF

    random = np.random.default_rng(0)
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    for number in range(1, pages + 1):
        pdf.add_page()
        pdf.multi_cell(0, 6, f"Page {number}. {prose(random, words)}")
    pdf.output(str(path))
    return path


def _watch(child: subprocess.Popen[str]) -> Peaks:
    process, peaks = psutil.Process(child.pid), Peaks()
    while child.poll() is None:
        own = _resident(process)
        children = sum(_resident(part) for part in _children(process))
        peaks.own, peaks.children = max(peaks.own, own), max(peaks.children, children)
        peaks.together = max(peaks.together, own + children)
        time.sleep(_EVERY_SECONDS)
    return peaks


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> float:
    try:
        return 0.0 if process.name().startswith("postgres") else process.memory_info().rss / _MEGABYTE
    except psutil.NoSuchProcess:
        return 0.0
