"""The breaker of a route, and the watch over a stream's deadlines."""

from __future__ import annotations

import asyncio

import pytest

from aura.router.deadlines import Watch
from aura.router.faults import Fault, FaultKind, StreamFault
from aura.router.health import CALM_SECONDS, LEAST_CALLS, OPEN_SECONDS, PROBES, Change, HealthBoard, RouteState

ILL = Fault(kind=FaultKind.SERVER, described="InternalServerError, HTTP 500")
ROUTE = "p/m#k"


class Board(HealthBoard):
    """A board on a clock that the test moves."""

    def __init__(self) -> None:
        self.at = 1_000_000.0
        self.changes: list[Change] = []
        super().__init__(now=lambda: self.at, on_change=self.changes.append, jitter=lambda: 0.0)
        self.add(ROUTE, provider="p", model="m")

    @property
    def state(self) -> RouteState:
        return self.status(ROUTE).state

    def fails(self, times: int = 1, fault: Fault = ILL) -> None:
        for _ in range(times):
            self.ended(ROUTE, fault)

    def passes(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.admit(ROUTE)
            self.ended(ROUTE, None)


def test_three_failures_in_a_row_open_a_route() -> None:
    board = Board()
    board.fails(2)
    board.passes()
    board.fails(2)
    assert board.state is RouteState.CLOSED
    board.fails()
    assert board.state is RouteState.OPEN
    assert not board.admit(ROUTE)
    status = board.status(ROUTE)
    assert status.failures == 3
    assert status.reason == "server (InternalServerError, HTTP 500)"
    assert status.until is not None
    assert status.until.timestamp() == board.at + OPEN_SECONDS


def test_a_rate_of_failures_opens_a_route_too() -> None:
    board = Board()
    for _ in range(LEAST_CALLS // 2):
        board.passes()
        board.fails()
    assert board.state is RouteState.OPEN


def test_a_half_open_route_admits_so_many_probes_and_closes_when_they_are_well() -> None:
    board = Board()
    board.fails(3)
    board.at += OPEN_SECONDS
    assert [board.admit(ROUTE) for _ in range(PROBES + 1)] == [True] * PROBES + [False]
    assert board.state is RouteState.HALF_OPEN
    for _ in range(PROBES):
        board.ended(ROUTE, None)
    assert board.state is RouteState.CLOSED
    assert [change.state for change in board.changes] == [RouteState.OPEN, RouteState.CLOSED]


def test_a_route_that_flaps_stays_open_longer_each_time_and_is_forgiven_when_it_was_calm() -> None:
    board = Board()
    seconds: list[float] = []
    board.fails(3)
    for _ in range(3):
        seconds.append(board.changes[-1].until - board.at)
        board.at = board.changes[-1].until
        board.admit(ROUTE)
        board.fails()
    assert seconds == [OPEN_SECONDS, 2 * OPEN_SECONDS, 4 * OPEN_SECONDS]
    board.at = board.changes[-1].until
    board.passes(PROBES)
    board.at += CALM_SECONDS + 1
    board.fails(3)
    assert board.changes[-1].until - board.at == OPEN_SECONDS


def test_a_rate_limit_is_a_pause_and_no_failure() -> None:
    board = Board()
    board.fails(1, Fault(kind=FaultKind.RATE_LIMITED, retry_after_seconds=7.0))
    assert (board.state, board.status(ROUTE).failures) == (RouteState.RATE_LIMITED, 0)
    board.at += 7.0
    assert board.state is RouteState.CLOSED


@pytest.mark.parametrize(
    "kind", [FaultKind.REQUEST, FaultKind.CONTENT_FILTER, FaultKind.CONTEXT_LENGTH, FaultKind.TOTAL]
)
def test_what_the_request_is_to_blame_for_says_nothing_of_the_route(kind: FaultKind) -> None:
    board = Board()
    board.fails(20, Fault(kind=kind))
    assert (board.state, board.status(ROUTE).failures) == (RouteState.CLOSED, 0)


def test_a_refused_key_takes_out_its_other_models_and_no_other_key() -> None:
    board = Board()
    board.add("p/n#k", provider="p", model="n")
    board.add("p/m#other", provider="p", model="m")
    board.fails(1, Fault(kind=FaultKind.CREDENTIAL))
    assert [board.status(route).state for route in (ROUTE, "p/n#k", "p/m#other")] == [
        RouteState.CREDENTIAL,
        RouteState.CREDENTIAL,
        RouteState.CLOSED,
    ]


def test_of_open_routes_the_soonest_to_recover_is_known() -> None:
    board = Board()
    board.add("p/n#k", provider="p", model="n")
    board.fails(1, Fault(kind=FaultKind.RATE_LIMITED, retry_after_seconds=9.0))
    board.ended("p/n#k", Fault(kind=FaultKind.RATE_LIMITED, retry_after_seconds=3.0))
    assert board.soonest([ROUTE, "p/n#k"]) == "p/n#k"


def test_what_another_replica_tells_is_taken_over_unless_it_is_old() -> None:
    board = Board()
    board.apply(Change(route=ROUTE, state=RouteState.OPEN, until=board.at - 1, reason="old"))
    board.apply(Change(route="p/unknown#k", state=RouteState.OPEN, until=board.at + 9, reason="not ours"))
    assert board.state is RouteState.CLOSED
    board.apply(Change(route=ROUTE, state=RouteState.OPEN, until=board.at + 9, reason="server"))
    assert (board.state, board.status(ROUTE).reason) == (RouteState.OPEN, "server")
    board.apply(Change(route=ROUTE, state=RouteState.CLOSED, until=0.0, reason=""))
    assert board.state is RouteState.CLOSED
    assert board.changes == []


async def test_a_wait_that_lasts_too_long_is_ended_with_its_fault() -> None:
    watch = Watch(ends_at=asyncio.get_running_loop().time() + 60)
    watch.begin(0.01, FaultKind.STALL)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(30)
    fault = watch.fault()
    assert isinstance(fault, StreamFault)
    assert fault.kind is FaultKind.STALL
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    watch.close()


async def test_the_time_between_waits_is_the_consumers_own() -> None:
    watch = Watch(ends_at=asyncio.get_running_loop().time() + 60)
    for _ in range(3):
        watch.begin(0.02, FaultKind.STALL)
        watch.end()
        await asyncio.sleep(0.05)
    watch.begin(0.5, FaultKind.STALL)
    await asyncio.sleep(0.05)
    watch.end()
    watch.close()
    assert watch.fault() is None


async def test_the_total_ends_a_wait_that_alone_would_have_had_time() -> None:
    watch = Watch(ends_at=asyncio.get_running_loop().time() + 0.01)
    watch.begin(30, FaultKind.STALL)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(30)
    fault = watch.fault()
    assert fault is not None
    assert fault.kind is FaultKind.TOTAL
    watch.close()
