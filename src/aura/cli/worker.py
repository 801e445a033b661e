"""`aura worker`: works on what is queued, for every organisation, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aura.cli.context import invocation

if TYPE_CHECKING:
    from aura.platform import Aura


def worker(
    ctx: typer.Context,
    concurrency: Annotated[
        int | None,
        typer.Option(min=2, max=64, help="Turns at once, in the place of AURA_WORKER_CONCURRENCY."),
    ] = None,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="Stop when stdin ends: whoever started this is gone.")
    ] = False,
) -> None:
    """Work on documents, webhooks and the clock's jobs until Ctrl-C or SIGTERM. Start as many as you like."""
    call = invocation(ctx)
    if not with_parent:  # whose logs these are then, and who has set them up
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logging.getLogger("aura").addHandler(handler)
        logging.getLogger("aura").setLevel(logging.INFO)

    async def work(aura: Aura) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if with_parent:
            await _follow_parent(stop)
        else:
            call.output.note("working; Ctrl-C stops")
        await aura.worker(concurrency=concurrency).run(stop)

    call.run(work, warm=True)


async def _follow_parent(stop: asyncio.Event) -> None:
    """Stop when the pipe on stdin ends: its other end is open as long as the parent lives, however that dies."""

    class Pipe(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(Pipe, sys.stdin)
