"""The tasks of one conversation: whatever goes wrong in one of them, the conversation goes on; none is left behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aura.errors import AuraError, BackendError
from aura.voice.events import Fault

logger = logging.getLogger(__name__)


class Tasks:
    """What runs, and nobody waits for.

    Args:
        failed: told what went wrong in one of them.
    """

    def __init__(self, *, failed: Callable[[Fault], None]) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._failed = failed

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work`."""
        task = asyncio.create_task(self._guarded(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def close(self) -> None:
        """End all of them, but for the one that asks."""
        tasks = [task for task in self._running if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except AuraError as error:
            self._failed(Fault(kind=type(error).__name__, message=str(error)))
        except Exception:  # the edge of the task
            logger.exception("a part of a conversation by voice failed")
            self._failed(Fault(kind=BackendError.__name__, message="something went wrong; try again"))
