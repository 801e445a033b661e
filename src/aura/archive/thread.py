"""One thread for an archive: a ZIP file is not to be touched by two at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class OneThread:
    """Blocking calls, one after the other in one thread: what follows a cancelled call begins when that has ended."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="aura-archive")

    async def run(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """What `call` returns."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(call, *args, **options))

    def close(self) -> None:
        """Let the thread go, when it has done what it was given."""
        self._executor.shutdown(wait=False)
