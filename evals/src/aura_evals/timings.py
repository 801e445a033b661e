"""How long each question took. Times inform, they decide nothing, and they are in no result that is compared."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np


class Timings:
    """Seconds by what was done: `ask`, `search`."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def measure(self, what: str) -> Generator[None]:
        """Time a block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[what].append(time.perf_counter() - started)

    def percentiles(self) -> dict[str, dict[str, float]]:
        """What was done → `p50`, `p95`, `p99` in milliseconds."""
        return {
            what: {f"p{share}": round(float(np.percentile(seconds, share)) * 1_000, 1) for share in (50, 95, 99)}
            for what, seconds in sorted(self._seconds.items())
        }
