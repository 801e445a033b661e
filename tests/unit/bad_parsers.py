"""Parsers that go wrong, to be run in the parser process in place of the real one."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from aura.documents.formats import Format
from aura.documents.parsing.parse import Parsed
from aura.documents.parsing.worker import Job, parse_job

Outcome = tuple[Format, Parsed]


def hang(job: Job) -> Outcome:
    """Never ends for a file called `hang`, and leaves its process id behind."""
    if job.filename.startswith("hang"):
        (job.out_dir / "pid").write_text(str(os.getpid()))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            time.sleep(60)
    return parse_job(job)


def crash(job: Job) -> Outcome:
    """Ends the process without a word for a file called `crash`."""
    if job.filename.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return parse_job(job)


def devour(job: Job) -> Outcome:
    """Takes a gigabyte for a file called `devour`."""
    if job.filename.startswith("devour"):
        _ = bytearray(1024**3)
    return parse_job(job)


def fail(job: Job) -> Outcome:
    """Raises what parsers raise, with the file's text in it."""
    raise KeyError(job.source.read_text())


def tell_modules(job: Job) -> Outcome:
    """Parses, and writes down which modules that took."""
    outcome = parse_job(job)
    (job.out_dir / "pid").write_text(str(os.getpid()))
    Path(job.out_dir / "modules").write_text("\n".join(name for name, module in sys.modules.items() if module))
    return outcome
