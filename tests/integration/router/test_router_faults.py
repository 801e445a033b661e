"""Every way in which a provider fails, over real sockets: who answers then, how soon, and what it costs."""

from __future__ import annotations

import asyncio
import time

import pytest
from router_support import QUICK, model, routed

from aura.errors import BackendError, InvalidRequest, Unavailable
from aura.router.candidates import Tier
from aura.router.deadlines import Deadlines
from aura.router.failover import RESTARTED
from aura.router.faults import FaultKind, Interrupted
from aura.router.health import RouteState
from aura.testing.fault_server import FAULTS, MID, FaultServer

WHOLE = [f"w{n} " for n in range(60)]
UNSEEN = {
    "500": FaultKind.SERVER,
    "503": FaultKind.SERVER,
    "429": FaultKind.RATE_LIMITED,
    "429-date": FaultKind.RATE_LIMITED,
    "quota": FaultKind.CREDENTIAL,
    "401": FaultKind.CREDENTIAL,
    "402": FaultKind.CREDENTIAL,
    "403": FaultKind.CREDENTIAL,
    "404": FaultKind.NO_SUCH_MODEL,
    "reset": FaultKind.BROKEN,
    "empty": FaultKind.EMPTY,
}
"""What a healthy sibling takes over before anybody has seen a word."""
SILENT = {"hang": FaultKind.FIRST_TOKEN, "slow-first": FaultKind.FIRST_TOKEN}
BROKEN_OFF = {
    "cut": FaultKind.CUT,
    "reset-mid": FaultKind.BROKEN,
    "stall-mid": FaultKind.STALL,
    "collapse": FaultKind.STALL,
    "badjson-mid": FaultKind.BROKEN,
    "error-mid": FaultKind.IN_BAND,
}
REFUSED = {"400": BackendError, "422": BackendError, "filter-400": BackendError, "context": InvalidRequest}
WELL = ("ok", "no-done", "usage-each", "usage-choice", "usage-envelope", "usage-none", "reasoning")


def test_every_fault_of_the_server_is_tried_here() -> None:
    tried = {*UNSEEN, *SILENT, *BROKEN_OFF, *REFUSED, *WELL, "filter", "pause", "mixed", "tool"}
    assert tried == set(FAULTS)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("fault", UNSEEN)
async def test_a_healthy_sibling_answers_unseen_and_at_once(fault: str, stream: bool) -> None:
    async with (
        FaultServer() as server,
        routed(model(server, "ok@a", Tier.REASONING), model(server, fault)) as call,
    ):
        if stream:
            assert await call.texts() == WHOLE
        else:
            assert (await call.router.acomplete("what is this")).text == "".join(WHOLE)
        assert [attempt.fault for attempt in call.trace.attempts] == [UNSEEN[fault], None]
        assert [hit.fault for hit in server.hits] == [fault, "ok"]
        assert call.trace.cost_micro_usd == server.cost_micro_usd
        assert call.trace.answered_by == "test/ok@a"


@pytest.mark.parametrize("fault", SILENT)
async def test_a_silent_route_is_left_at_its_deadline_and_not_asked_again(fault: str) -> None:
    deadlines = Deadlines(first_token_seconds=1.0, stall_seconds=5.0, total_seconds=30.0)
    async with FaultServer() as server, routed(model(server, fault), deadlines=deadlines) as alone:
        with pytest.raises(Unavailable, match="first_token"):
            await alone.texts()
        assert len(server.hits) == 1
        async with routed(model(server, fault), model(server, "ok", Tier.REASONING), deadlines=deadlines) as call:
            assert await call.texts() == WHOLE
            assert [attempt.fault for attempt in call.trace.attempts] == [SILENT[fault], None]


async def test_the_fallback_begins_within_50_ms_of_a_failure_that_is_definite() -> None:
    """The best of some calls: what the machine does besides is not the router's."""
    async with FaultServer() as server:
        gaps: list[float] = []
        for n in range(8):
            async with routed(model(server, f"429@{n}"), model(server, "ok", Tier.REASONING)) as call:
                await call.router.acomplete("explain why")  # the sibling's connection is open, as it is in service
                server.hits.clear()
                await call.texts()
            refused, taken = server.hits
            gaps.append(taken.at - refused.at)
        print(f"the fallback began after {[round(gap * 1000, 1) for gap in sorted(gaps)]} ms")
        assert min(gaps) < 0.05


@pytest.mark.parametrize("fault", BROKEN_OFF)
async def test_a_model_that_breaks_off_in_its_text_is_a_typed_error_with_what_it_said(fault: str) -> None:
    async with FaultServer() as server, routed(model(server, fault), model(server, "ok", Tier.REASONING)) as call:
        said: list[str] = []

        async def listen() -> None:
            async for piece in await call.router.astream_complete("what is this"):
                said.append(piece.delta or "")

        with pytest.raises(Interrupted) as caught:
            await listen()
        assert caught.value.partial_text == "".join(said) == "".join(WHOLE[:MID])
        assert [attempt.fault for attempt in call.trace.attempts] == [BROKEN_OFF[fault]]
        assert len(server.hits) == 1
        assert call.trace.cost_micro_usd == server.cost_micro_usd
        assert call.trace.attempts[0].certainty == "at_least"


@pytest.mark.parametrize("fault", BROKEN_OFF)
async def test_where_the_router_may_restart_the_consumer_is_told_and_two_texts_are_never_one(fault: str) -> None:
    async with (
        FaultServer() as server,
        routed(model(server, fault), model(server, "ok", Tier.REASONING), policy="restart") as call,
    ):
        said: list[str] = []
        restarts = 0
        async for piece in await call.router.astream_complete("what is this"):
            if piece.additional_kwargs.get(RESTARTED):
                assert said == WHOLE[:MID]
                said, restarts = [], restarts + 1
            elif piece.delta:
                said.append(piece.delta)
                assert piece.text == "".join(said)
        assert (said, restarts) == (WHOLE, 1)
        assert call.trace.cost_micro_usd == server.cost_micro_usd


@pytest.mark.parametrize("fault", REFUSED)
async def test_what_the_request_is_to_blame_for_is_asked_nobody_else(fault: str) -> None:
    async with FaultServer() as server, routed(model(server, fault), model(server, "ok", Tier.REASONING)) as call:
        with pytest.raises(REFUSED[fault]):
            await call.texts()
        assert len(server.hits) == 1
        assert call.router.get_health_status()[0].state is RouteState.CLOSED


async def test_a_prompt_that_is_too_long_for_one_goes_to_a_larger_model() -> None:
    async with (
        FaultServer() as server,
        routed(
            model(server, "context", context_window=8_000),
            model(server, "ok@small", Tier.REASONING, context_window=8_000),
            model(server, "ok@large", Tier.REASONING, context_window=100_000),
        ) as call,
    ):
        assert await call.texts() == WHOLE
        assert [hit.model for hit in server.hits] == ["context", "ok@large"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_content_filter_reaches_the_caller(stream: bool) -> None:
    async with FaultServer() as server, routed(model(server, "filter"), model(server, "ok", Tier.REASONING)) as call:
        with pytest.raises(BackendError, match="content filter"):
            await (call.texts() if stream else call.router.acomplete("what is this"))
        assert len(server.hits) == 1


@pytest.mark.parametrize("name", WELL)
async def test_what_is_well_is_no_failure_and_costs_what_the_server_says(name: str) -> None:
    async with FaultServer() as server, routed(model(server, name), model(server, "ok@b", Tier.REASONING)) as call:
        assert await call.texts() == WHOLE
        assert len(server.hits) == len(call.trace.attempts) == 1
        assert call.trace.cost_micro_usd == server.cost_micro_usd
        assert call.trace.attempts[0].certainty == ("estimated" if name == "usage-none" else "exact")


async def test_one_that_failed_for_a_moment_is_asked_once_more_when_there_is_nobody_else() -> None:
    async with FaultServer() as server, routed(model(server, "500")) as call:
        with pytest.raises(Unavailable):
            await call.texts()
        assert len(server.hits) == len(call.trace.attempts) == 2


async def test_a_rate_limit_is_no_illness_and_says_until_when() -> None:
    async with FaultServer(retry_after_seconds=30) as server, routed(model(server, "429")) as call:
        with pytest.raises(Unavailable) as caught:
            await call.texts()
        assert caught.value.retry_after_seconds == 30
        status = call.router.get_health_status()[0]
        assert (status.state, status.failures) == (RouteState.RATE_LIMITED, 0)
        assert status.until is not None
        assert 20 < status.until.timestamp() - time.time() <= 30


async def test_a_key_that_is_refused_takes_all_of_its_models_out() -> None:
    async with FaultServer() as server:
        first, second = model(server, "401"), model(server, "ok", Tier.REASONING)
        async with routed(first, second) as call:
            call.router.board.add("test/other#" + first.key_id, provider="test", model="other")
            assert await call.texts() == WHOLE
            states = {status.model: status.state for status in call.router.board.statuses()}
            assert states == {"401": RouteState.CREDENTIAL, "other": RouteState.CREDENTIAL, "ok": RouteState.CLOSED}


async def test_a_route_that_fails_again_and_again_is_not_asked_any_more() -> None:
    async with FaultServer() as server, routed(model(server, "500"), model(server, "ok", Tier.REASONING)) as call:
        for _ in range(6):
            assert await call.texts() == WHOLE
        assert [hit.model for hit in server.hits].count("500") == 3
        refused = {each.name: each.refused for each in call.trace.considered}
        assert refused["test/500"].startswith("open: server")


async def test_an_ended_consumer_closes_the_socket_within_100_ms() -> None:
    async with FaultServer() as server, routed(model(server, "pause")) as call:
        gaps: list[float] = []
        for way in ("closed", "cancelled") * 3:
            server.hits.clear()
            stream = await call.router.astream_complete("what is this")
            for _ in range(5):
                await anext(stream)
            waiting = asyncio.ensure_future(anext(stream)) if way == "cancelled" else None
            await asyncio.sleep(0)
            left = time.perf_counter()
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue]
            await server.hits[0].left.wait()
            assert server.hits[0].left_at is not None
            gaps.append(server.hits[0].left_at - left)
            assert call.trace.attempts[0].outcome == ("cancelled" if way == "cancelled" else "stopped")
            assert call.trace.cost_micro_usd == server.cost_micro_usd
        print(f"the socket was closed after {[round(gap * 1000, 1) for gap in sorted(gaps)]} ms")
        assert min(gaps) < 0.1


async def test_a_call_ends_at_its_total_deadline_whatever_is_left_to_try() -> None:
    deadlines = Deadlines(answer_seconds=20.0, total_seconds=1.0)
    async with (
        FaultServer() as server,
        routed(model(server, "hang"), model(server, "ok", Tier.REASONING), deadlines=deadlines) as call,
    ):
        with pytest.raises(Unavailable, match="total"):
            await call.router.acomplete("what is this")
        assert [hit.model for hit in server.hits] == ["hang"]


async def test_a_synchronous_caller_gets_the_same() -> None:
    async with FaultServer() as server, routed(model(server, "500"), model(server, "ok", Tier.REASONING)) as call:

        def ask() -> list[str]:
            return [piece.delta or "" for piece in call.router.stream_complete("what is this") if piece.delta]

        assert await asyncio.to_thread(ask) == WHOLE
        assert (await asyncio.to_thread(call.router.complete, "what is this")).text == "".join(WHOLE)


async def test_calls_of_one_router_do_not_wait_for_each_other() -> None:
    async with FaultServer(delay_seconds=0.005) as server, routed(model(server, "ok"), deadlines=QUICK) as call:
        answers = await asyncio.gather(*(call.texts() for _ in range(20)))
        assert answers == [WHOLE] * 20
        assert len(server.hits) == len(call.traces) == 20
