"""An end to work that a small file can make arbitrarily long, before the deadline of its whole process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_AGAIN_SECONDS = 1.0
"""Whoever swallowed the first `Spent` is told again."""


class Spent(Exception):
    """The work took as much of the processor as it was given."""


@contextmanager
def spending(seconds: float) -> Generator[None]:
    """Let the body use the processor for `seconds`, whatever else the machine does meanwhile.

    It interrupts Python and its regular expressions, no other C code, and the main thread alone: elsewhere it changes
    nothing, since signals do not arrive there.

    Raises:
        Spent
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Spent
