"""Routers over a server of faults."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aura.router.candidates import Candidate, Tier, candidate
from aura.router.context import Books, CallContext, NoBooks
from aura.router.core import Policy
from aura.router.deadlines import Deadlines
from aura.router.endpoint import open_endpoint
from aura.router.price import Price
from aura.router.smart_router import SmartRouter
from aura.router.trace import Trace
from aura.testing.fault_server import FaultServer

PRICE = Price.of("0.15", "0.6", version="test")
QUICK = Deadlines(first_token_seconds=3.0, stall_seconds=1.0, answer_seconds=3.0, total_seconds=30.0)
"""Long for a server on loopback, and short for a test."""


def words(text: str) -> int:
    """Tokens as the server counts them."""
    return len(text.split())


def model(server: FaultServer, name: str, tier: Tier | str = Tier.FAST, **facts: object) -> Candidate:
    """The server's model `name`, with a key of its own."""
    llm = open_endpoint(name, server.url, f"key of {name}", timeout_seconds=60.0)
    return candidate(llm, tier=tier, provider="test", price=PRICE, **facts)  # pyright: ignore[reportArgumentType]


class Routed:
    """A router and the traces of its calls."""

    def __init__(self, router: SmartRouter, traces: list[Trace]) -> None:
        self.router = router
        self.traces = traces

    @property
    def trace(self) -> Trace:
        """Of the last call."""
        return self.traces[-1]

    async def texts(self, prompt: str = "what is this") -> list[str]:
        """What a stream says, piece by piece."""
        return [piece.delta or "" async for piece in await self.router.astream_complete(prompt) if piece.delta]


@asynccontextmanager
async def routed(
    *candidates: Candidate, deadlines: Deadlines = QUICK, policy: Policy = "error", books: Books | None = None
) -> AsyncGenerator[Routed]:
    """A router over `candidates`, closed at the end."""
    traces: list[Trace] = []
    router = SmartRouter(candidates, deadlines=deadlines, policy=policy, count_tokens=words)
    context = CallContext(books=books or NoBooks(), on_trace=traces.append)
    try:
        yield Routed(router.bound(context), traces)
    finally:
        await router.close()
