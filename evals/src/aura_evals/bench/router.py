"""What SmartRouter costs beside the bare client, and beside LiteLLM's Router: CPU of the caller, in one run.

The provider is a `FaultServer` in a process of its own. Rounds of the ways to ask take turns, so that what else the machine
does meets all of them; the least of each is what it costs. LiteLLM runs in an environment of its own, against the `openai`
client that is installed there.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import multiprocessing.connection
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from llama_index.core.llms import ChatMessage
from rich.console import Console
from rich.table import Table

from aura.router.candidates import Tier, candidate
from aura.router.endpoint import open_endpoint
from aura.router.price import Price
from aura.router.smart_router import SmartRouter
from aura.testing.fault_server import FaultServer

FEW, MANY = 2, 202
QUESTION: Final = "How much does Anna have left when she gives half of her apples to each of her two friends?"
GOAL_CALL_US, GOAL_PIECE_US = 500.0, 10.0
CHILD: Final = Path(__file__).with_name("litellm_child.py")
_CHILD_WAYS: Final = ("its client", "litellm", "its client, whole", "litellm, whole")

Ask = Callable[[], Awaitable[int]]
Timed = Callable[[int], Awaitable[float]]
"""So many calls; the CPU microseconds of one."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """CPU of one way to ask, in microseconds; `piece_us` of a stream."""

    name: str
    call_us: float
    piece_us: float | None = None


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What a router adds to the bare client of its environment, in microseconds of CPU."""

    name: str
    call_us: float
    piece_us: float
    whole_us: float


class Overhead(msgspec.Struct, frozen=True, kw_only=True):
    """What routers add; LiteLLM's where it was measured."""

    ways: tuple[Costs, ...]
    router: Added
    litellm: Added | None = None


async def measure_router(*, calls: int = 40, rounds: int = 7, litellm: Path | None = None) -> Overhead:
    """The costs of streams of few and of many pieces, and of whole answers. Takes some seconds.

    Args:
        litellm: the Python of an environment that has LiteLLM.
    """
    async with _servers() as urls, _children(litellm, urls) as theirs:
        ways: dict[tuple[str, int], Timed] = dict(theirs)
        for pieces, url in urls.items():
            ways |= {(way, pieces): _timed(ask) for way, ask in _ways(url).items()}
        best = {key: float("inf") for key in ways}
        for timed in ways.values():
            await timed(2)
        for _ in range(rounds):
            for key, timed in ways.items():
                best[key] = min(best[key], await timed(calls))
    found = {way: _costs(way, best) for way, pieces in ways if pieces == FEW}
    return Overhead(
        ways=tuple(found.values()),
        router=_added(found, "router", "client"),
        litellm=_added(found, "litellm", "its client") if litellm else None,
    )


def _costs(way: str, best: dict[tuple[str, int], float]) -> Costs:
    few, many = best[way, FEW], best[way, MANY]
    return Costs(name=way, call_us=few, piece_us=None if "whole" in way else (many - few) / (MANY - FEW))


def _added(found: dict[str, Costs], way: str, bare: str) -> Added:
    return Added(
        name=way,
        call_us=found[way].call_us - found[bare].call_us,
        piece_us=(found[way].piece_us or 0.0) - (found[bare].piece_us or 0.0),
        whole_us=found[f"{way}, whole"].call_us - found[f"{bare}, whole"].call_us,
    )


def print_overhead(found: Overhead) -> None:
    """A table for a terminal."""
    goal = f"goals: {GOAL_CALL_US:,.0f} µs a call and {GOAL_PIECE_US:,.0f} µs a piece more than the client"
    table = Table(title="CPU of the caller, the least of all rounds", caption=f"pieces from {FEW} to {MANY}; {goal}")
    for name in ("way", "µs a call", "µs a piece"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for way in found.ways:
        table.add_row(way.name, f"{way.call_us:,.0f}", "" if way.piece_us is None else f"{way.piece_us:,.1f}")
    for added in (found.router, found.litellm):
        if added is not None:
            table.add_row(f"{added.name} adds, streaming", f"{added.call_us:+,.0f}", f"{added.piece_us:+,.1f}")
            table.add_row(f"{added.name} adds, whole", f"{added.whole_us:+,.0f}", "")
    Console().print(table)


def _ways(url: str) -> dict[str, Ask]:
    from llama_index.llms.openai import OpenAI  # the vendor's, for comparison alone
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="k", base_url=url, max_retries=0)
    endpoints = [
        candidate(open_endpoint(name, url, f"k{name}"), tier=tier, provider="bench", price=Price.of("0.15", "0.6"))
        for name, tier in (("ok", Tier.FAST), ("ok@b", Tier.FAST), ("ok@c", Tier.REASONING))
    ]
    router = SmartRouter(endpoints)
    stock = OpenAI(model="gpt-4o", api_base=url, api_key="k", max_retries=0, additional_kwargs={"model": "ok"})
    body = [{"role": "user", "content": QUESTION}]
    messages = [ChatMessage(role="user", content=QUESTION)]

    async def bare() -> int:
        stream = await client.chat.completions.create(  # pyright: ignore[reportCallIssue]
            model="ok",
            messages=body,  # pyright: ignore[reportArgumentType]
            stream=True,
            stream_options={"include_usage": True},
        )
        return sum([1 async for _ in stream])

    async def routed() -> int:
        return sum([1 async for _ in await router.astream_chat(messages)])

    async def llama() -> int:
        return sum([1 async for _ in await stock.astream_chat(messages)])

    async def bare_whole() -> int:
        await client.chat.completions.create(model="ok", messages=body)  # pyright: ignore[reportArgumentType]
        return 1

    async def routed_whole() -> int:
        await router.achat(messages)
        return 1

    return {
        "client": bare,
        "router": routed,
        "llama-index": llama,
        "client, whole": bare_whole,
        "router, whole": routed_whole,
    }


def _timed(ask: Ask) -> Timed:
    async def timed(calls: int) -> float:
        started = time.process_time()
        for _ in range(calls):
            await ask()
        return (time.process_time() - started) / calls * 1e6

    return timed


@asynccontextmanager
async def _children(python: Path | None, urls: dict[int, str]) -> AsyncGenerator[dict[tuple[str, int], Timed]]:
    """What the process with LiteLLM can be asked to time; nothing without one."""
    if python is None:
        yield {}
        return
    process = await asyncio.create_subprocess_exec(python, CHILD, stdin=PIPE, stdout=PIPE)
    try:
        yield {(way, pieces): _asked(process, way, url) for pieces, url in urls.items() for way in _CHILD_WAYS}
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


def _asked(process: Process, way: str, url: str) -> Timed:
    async def timed(calls: int) -> float:
        assert process.stdin is not None
        assert process.stdout is not None
        told = {"way": way, "url": url, "calls": calls, "question": QUESTION}
        process.stdin.write(json.dumps(told).encode() + b"\n")
        await process.stdin.drain()
        return float(await process.stdout.readline())

    return timed


@asynccontextmanager
async def _servers() -> AsyncGenerator[dict[int, str]]:
    """Two servers in a process of their own: one with short answers, one with long ones."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield await asyncio.to_thread(ours.recv)
    finally:
        ours.send(None)
        await asyncio.to_thread(process.join)


def _serve(pipe: multiprocessing.connection.Connection) -> None:  # pyright: ignore[reportAttributeAccessIssue]
    async def serve() -> None:
        async with FaultServer(chunks=FEW) as few, FaultServer(chunks=MANY) as many:
            pipe.send({FEW: few.url, MANY: many.url})
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())
