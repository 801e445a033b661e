"""The time, as a part that tests replace."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current time, with its time zone."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC)


class Timer(Protocol):
    """Measures time, and waits."""

    def seconds(self) -> float:
        """Seconds since some moment; differences alone mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so long."""
        ...


class SystemTimer:
    """The machine's own time."""

    def seconds(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for so long."""
        await asyncio.sleep(seconds)
