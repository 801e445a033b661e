"""What SmartRouter costs beside the bare client: CPU of this process for each call and each piece, in one run.

The provider is a `FaultServer` in a process of its own. Rounds of the three ways to ask take turns, so that what else the
machine does meets all of them; the least of each is what it costs.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import time
from collections.abc import Awaitable, Callable
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

Ask = Callable[[], Awaitable[int]]


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """CPU of one way to ask, in microseconds."""

    name: str
    call_us: float
    piece_us: float


class Overhead(msgspec.Struct, frozen=True, kw_only=True):
    """What the router adds to the bare client."""

    ways: tuple[Costs, ...]
    call_us: float
    piece_us: float
    whole_us: float


async def measure_router(*, calls: int = 40, rounds: int = 7) -> Overhead:
    """The costs of streams of few and of many pieces, and of whole answers. Takes some seconds."""
    urls = _Servers()
    try:
        ways = {(way, pieces): ask for pieces in (FEW, MANY) for way, ask in _ways(urls.urls[pieces]).items()}
        best = {key: float("inf") for key in ways}
        for ask in ways.values():
            await ask()
        for _ in range(rounds):
            for key, ask in ways.items():
                best[key] = min(best[key], await _cpu_us(ask, calls))
    finally:
        urls.close()
    found = {
        way: Costs(
            name=way,
            call_us=best[way, FEW],
            piece_us=(best[way, MANY] - best[way, FEW]) / (MANY - FEW),
        )
        for way in ("client", "router", "llama-index", "client, whole", "router, whole")
    }
    client, router = found["client"], found["router"]
    return Overhead(
        ways=tuple(found.values()),
        call_us=router.call_us - client.call_us,
        piece_us=router.piece_us - client.piece_us,
        whole_us=found["router, whole"].call_us - found["client, whole"].call_us,
    )


def print_overhead(found: Overhead) -> None:
    """A table for a terminal."""
    table = Table(title="CPU of the caller, the least of all rounds", caption=f"pieces from {FEW} to {MANY}")
    for name in ("way", "µs a call", "µs a piece"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for way in found.ways:
        table.add_row(way.name, f"{way.call_us:,.0f}", "" if "whole" in way.name else f"{way.piece_us:,.1f}")
    table.add_row("the router adds, streaming", f"{found.call_us:+,.0f}", f"{found.piece_us:+,.1f}")
    table.add_row("the router adds, whole", f"{found.whole_us:+,.0f}", "")
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
        stream = await client.chat.completions.create(
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


async def _cpu_us(ask: Ask, calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        await ask()
    return (time.process_time() - started) / calls * 1e6


class _Servers:
    """Two servers in a process of their own: one with short answers, one with long ones."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._pipe = ours
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self.urls: dict[int, str] = ours.recv()

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _serve(pipe: multiprocessing.connection.Connection) -> None:  # pyright: ignore[reportAttributeAccessIssue]
    async def serve() -> None:
        async with FaultServer(chunks=FEW) as few, FaultServer(chunks=MANY) as many:
            pipe.send({FEW: few.url, MANY: many.url})
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())
