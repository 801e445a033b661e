"""What is to be done also where the caller does not wait for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


async def finished(cleanup: Coroutine[None, None, None]) -> None:
    """Run `cleanup` to its end also when this task is cancelled meanwhile; the cancellation goes on after it."""
    task = asyncio.ensure_future(cleanup)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
