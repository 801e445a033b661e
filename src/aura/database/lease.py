"""Who uses a data directory, told by the kernel: a process that is killed leaves nothing behind to clean up."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from aura.errors import Unavailable

_POLL_SECONDS = 0.05


@contextmanager
def alone(path: Path, *, wait_seconds: float = 120.0) -> Generator[None]:
    """Hold the lock file `path` alone, among threads and processes. Blocking.

    Raises:
        Unavailable: another one held it all the time.
    """
    descriptor = _open(path)
    try:
        _wait(descriptor, path, wait_seconds)
        yield
    finally:
        os.close(descriptor)


class Lease:
    """A share in the lock file `path`, until it is given up or the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _open(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def give_up(self) -> bool:
        """End the share; whether it was the last one. Only under a lock that also guards taking a share."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            # A forked child shares the lock through its copy of the descriptor: closing ours would not release it.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait(descriptor: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"another process has been starting or stopping AURA in {path.parent} for"
                    f" {wait_seconds:.0f} s: end it, then try again"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
