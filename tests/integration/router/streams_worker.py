"""A process that streams through a router, as often as it is told, and says what is left of it all then."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
from collections import Counter
from contextlib import aclosing
from typing import Any

import psutil
from router_worker import router_on

from aura.errors import AuraError
from aura.router.context import CallContext
from aura.router.trace import Trace
from aura.testing.fault_server import PAUSE

MARKS = 8
"""How often it looks at itself."""


class Look:
    """What the process holds, from time to time."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.resident: list[int] = []
        self.objects: list[int] = []

    def take(self) -> None:
        gc.collect()
        self.resident.append(self.process.memory_info().rss)
        self.objects.append(len(gc.get_objects()))


async def stream(told: dict[str, Any]) -> dict[str, Any]:
    """Stream in as many parts as there are marks, with nothing under way between two of them."""
    router, chance, look = router_on(told["url"]), random.Random(told["seed"]), Look()
    counts: Counter[str] = Counter()

    def note(trace: Trace) -> None:
        counts["calls"] += 1
        counts["attempts"] += len(trace.attempts)

    whole = router.bound(CallContext(on_trace=note, allowed=frozenset({"test/mixed", "test/ok@b"})))
    left = router.bound(CallContext(on_trace=note, allowed=frozenset({"test/pause"})))

    async def call() -> None:
        leaves = chance.random() < told["leaves"]
        pieces: Any = await (left if leaves else whole).astream_complete("what is this about then")
        try:
            async with aclosing(pieces):
                heard = 0
                async for _ in pieces:
                    heard += 1
                    if leaves and heard == PAUSE:
                        counts["left"] += 1
                        return
            counts["answered"] += 1
        except AuraError:
            counts["failed"] += 1

    async def take(part: list[int]) -> None:
        while part:
            part.pop()
            await call()

    for _ in range(MARKS):
        part = list(range(told["streams"] // MARKS))
        async with asyncio.TaskGroup() as group:
            for _ in range(told["at_once"]):
                group.create_task(take(part))
        await router.close_loop()  # how many connections lie idle is chance
        look.take()
    await router.close()
    await asyncio.sleep(0)
    return {
        **counts,
        "tasks": len(asyncio.all_tasks()) - 1,
        "sockets": len(look.process.net_connections(kind="tcp")),
        "resident": look.resident,
        "objects": look.objects,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(stream(json.loads(sys.stdin.readline())))))
