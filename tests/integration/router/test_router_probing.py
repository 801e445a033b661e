"""Routes that were away are asked by the router itself whether they are back, and nobody is billed for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from router_support import model, routed

from aura.router.candidates import Tier
from aura.router.endpoint import close_endpoint
from aura.router.faults import Fault, FaultKind
from aura.router.health import CONSECUTIVE_FAILURES, OPEN_SECONDS, PROBES, HealthBoard, RouteHealth, RouteState
from aura.router.probing import Prober, Probing
from aura.testing.fault_server import FaultServer

FAILED = Fault(kind=FaultKind.SERVER, described="HTTP 500")


class Now:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Watched:
    """One route, its health, and who asks how it is."""

    def __init__(self, server: FaultServer, name: str, probing: Probing) -> None:
        self.now = Now()
        self.candidate = model(server, name)
        self.board = HealthBoard(now=self.now, jitter=lambda: 0.0)
        self.board.add(self.candidate.route, provider="test", model=name)
        self.prober = Prober((self.candidate,), self.board, probing)

    @property
    def status(self) -> RouteHealth:
        return self.board.status(self.candidate.route)

    def fail(self) -> None:
        for _ in range(CONSECUTIVE_FAILURES):
            self.board.ended(self.candidate.route, FAILED)


@asynccontextmanager
async def watched(name: str, **probing: float) -> AsyncGenerator[tuple[FaultServer, Watched]]:
    async with FaultServer() as server:
        found = Watched(server, name, Probing(**probing))
        try:
            yield server, found
        finally:
            await close_endpoint(found.candidate.llm)


async def test_a_route_whose_pause_is_over_is_probed_until_it_is_closed_and_not_before() -> None:
    async with watched("ok") as (server, route):
        route.fail()
        assert await route.prober.probe_due() == 0  # it is open: its pause is not over
        route.now.seconds += OPEN_SECONDS + 1
        for _ in range(PROBES):
            assert await route.prober.probe_due() == 1
        assert route.status.state is RouteState.CLOSED
        assert await route.prober.probe_due() == 0
        assert [hit.body["max_tokens"] for hit in server.hits] == [16] * PROBES


async def test_a_route_that_is_still_away_is_left_alone_for_longer_each_time() -> None:
    async with watched("500") as (server, route):
        route.fail()
        pauses: list[float] = []
        for _ in range(4):
            until = route.status.until
            assert until is not None
            pauses.append(until.timestamp() - route.now.seconds)
            route.now.seconds = until.timestamp() + 0.001
            assert await route.prober.probe_due() == 1
        assert pauses == pytest.approx([OPEN_SECONDS * 2**n for n in range(4)], abs=0.01)
        assert len(server.hits) == 4


async def test_a_route_that_nobody_uses_is_asked_where_it_is_wanted() -> None:
    async with watched("ok") as (server, route):
        route.now.seconds += 10_000
        assert await route.prober.probe_due() == 0
        assert server.hits == []
    async with watched("ok", unused_seconds=600) as (server, route):
        route.now.seconds += 10_000
        assert await route.prober.probe_due() == 1
        assert await route.prober.probe_due() == 0  # it was used just now
        assert len(server.hits) == 1


@pytest.mark.parametrize(("fault", "state"), [("400", RouteState.CLOSED), ("hang", RouteState.OPEN)])
async def test_a_refused_probe_is_an_answer_and_a_silent_one_is_none(fault: str, state: RouteState) -> None:
    async with watched(fault, answer_seconds=0.3) as (_, route):
        route.fail()
        route.now.seconds += 2 * OPEN_SECONDS
        await route.prober.probe_due()
        await route.prober.probe_due()
        assert route.status.state is state


async def test_probes_run_beside_calls_and_the_users_calls_find_the_route_closed() -> None:
    async with (
        FaultServer() as server,
        routed(model(server, "ok@a"), model(server, "ok@b", Tier.REASONING)) as call,
    ):
        router, route = call.router, call.router.candidates[0].route
        router.board._breakers[route].state = RouteState.HALF_OPEN  # pyright: ignore[reportPrivateUsage]
        task = asyncio.create_task(Prober(router.candidates, router.board, Probing(every_seconds=0.02)).run())
        async with asyncio.timeout(20):
            while router.board.status(route).state is not RouteState.CLOSED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert call.traces == []
        await call.texts()
        assert len(call.traces[0].attempts) == 1
