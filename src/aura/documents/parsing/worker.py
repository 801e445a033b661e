"""What runs in the parser process: one job at a time, within limits, and errors that a user can read."""

from __future__ import annotations

import contextlib
import logging
import math
import resource
import signal
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from aura.documents.formats import Format, sniff
from aura.documents.parsing.parse import Parsed, parse
from aura.errors import InvalidRequest


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A file to parse, and the limits that it is parsed within."""

    source: Path
    filename: str
    out_dir: Path
    ocr: bool
    max_bytes: int | None
    timeout_seconds: float


Parse = Callable[[Job], tuple[Format, Parsed]]


def prepare(memory_bytes: int) -> None:
    """Set the parser process up: its memory is limited, it dies at once when told to, and it prints nothing."""
    # pebble ends a process with SIGTERM and waits 3 s; a handler in Python does not run while C code does.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    # macOS has the limit but does not let it be set.
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, hard))


def run(job: Job, parse_file: Parse | None = None) -> tuple[Format, Parsed]:
    """Parse one file. Every failure is an `InvalidRequest` that says what is wrong with the file, not with the code."""
    # The parent kills a job that is late. If the parent is gone, this does, and no orphan stays behind.
    signal.alarm(math.ceil(job.timeout_seconds) + 10)
    try:
        return (parse_file or parse_job)(job)
    except InvalidRequest:
        raise
    except MemoryError:
        raise InvalidRequest(
            "parsing it needs more memory than is allowed; split it and try again", may_pass=True
        ) from None
    except RecursionError:
        raise InvalidRequest("it is nested too deeply to be parsed") from None
    except FileNotFoundError:
        raise InvalidRequest("it is not there any more; upload it again") from None
    except zipfile.BadZipFile:
        raise InvalidRequest("it is a damaged archive; open it, save it again, and try once more") from None
    except Exception as error:
        raise InvalidRequest(
            f"it could not be parsed ({type(error).__name__}); open it, save it again, and try once more"
        ) from None
    finally:
        signal.alarm(0)


def parse_job(job: Job) -> tuple[Format, Parsed]:
    """Tell what the file is, refuse it or parse it."""
    format = sniff(job.source, job.filename, max_bytes=job.max_bytes)
    return format, parse(job.source, format, job.out_dir, ocr=job.ocr)
