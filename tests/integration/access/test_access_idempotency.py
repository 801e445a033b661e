"""A request that is sent again is answered as it was, and done once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from hashlib import sha256

import pytest
from access_support import Side

from aura.access.idempotency import Idempotency
from aura.database.scopes import application_filter
from aura.errors import Conflict, InvalidRequest
from aura.testing.clock import FixedClock

ONE, OTHER = sha256(b"POST /documents/ one").digest(), sha256(b"POST /documents/ other").digest()
ANSWER: dict[str, object] = {"status": 202, "body": {"documents": [{"id": "x"}]}}


@pytest.fixture
def requests(acme: Side, clock: FixedClock) -> Idempotency:
    return Idempotency(acme.database, acme.scope(acme.member), clock=clock)


async def test_a_request_that_was_answered_is_answered_the_same_again(requests: Idempotency) -> None:
    assert await requests.claim("user:1", "k", ONE) is None
    await requests.store("user:1", "k", ANSWER)
    assert await requests.claim("user:1", "k", ONE) == ANSWER
    await requests.store("user:1", "k", {"status": 500})
    assert await requests.claim("user:1", "k", ONE) == ANSWER


async def test_a_key_that_was_used_for_another_request_is_refused(requests: Idempotency) -> None:
    await requests.claim("user:1", "k", ONE)
    with pytest.raises(Conflict, match="another request"):
        await requests.claim("user:1", "k", OTHER)
    await requests.store("user:1", "k", ANSWER)
    with pytest.raises(Conflict, match="another request"):
        await requests.claim("user:1", "k", OTHER)


async def test_a_request_that_is_still_being_answered_says_so(requests: Idempotency) -> None:
    await requests.claim("user:1", "k", ONE)
    with pytest.raises(Conflict, match="still being answered"):
        await requests.claim("user:1", "k", ONE)


async def test_of_fifty_at_once_one_does_the_work(requests: Idempotency) -> None:
    outcomes = await asyncio.gather(*(requests.claim("user:1", "k", ONE) for _ in range(50)), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 49


async def test_a_request_that_came_to_nothing_can_be_sent_again(requests: Idempotency) -> None:
    await requests.claim("user:1", "k", ONE)
    await requests.give_up("user:1", "k")
    assert await requests.claim("user:1", "k", OTHER) is None
    await requests.store("user:1", "k", ANSWER)
    await requests.give_up("user:1", "k")
    assert await requests.claim("user:1", "k", OTHER) == ANSWER


async def test_an_answer_is_kept_for_a_day(requests: Idempotency, clock: FixedClock) -> None:
    await requests.claim("user:1", "k", ONE)
    await requests.store("user:1", "k", ANSWER)
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert await requests.claim("user:1", "k", ONE) == ANSWER
    clock.advance(timedelta(seconds=1))
    assert await requests.claim("user:1", "k", OTHER) is None


async def test_a_request_whose_process_died_can_be_sent_again_after_a_while(
    requests: Idempotency, clock: FixedClock
) -> None:
    await requests.claim("user:1", "k", ONE)
    clock.advance(timedelta(minutes=14, seconds=59))
    with pytest.raises(Conflict):
        await requests.claim("user:1", "k", ONE)
    clock.advance(timedelta(seconds=1))
    assert await requests.claim("user:1", "k", ONE) is None


async def test_the_nightly_job_forgets_what_is_too_old(requests: Idempotency, clock: FixedClock) -> None:
    await requests.claim("user:1", "k", ONE)
    assert await requests.purge() == 0
    clock.advance(timedelta(hours=24))
    assert await requests.purge() == 1


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_each_caller_and_each_tenant_has_keys_of_its_own(
    requests: Idempotency, globex: Side, clock: FixedClock, filtered: bool
) -> None:
    await requests.claim("user:1", "k", ONE)
    await requests.store("user:1", "k", ANSWER)
    assert await requests.claim("user:2", "k", ONE) is None
    theirs = Idempotency(globex.database, globex.scope(globex.member), clock=clock)
    reset = application_filter.set(filtered)
    try:
        assert await theirs.claim("user:1", "k", ONE) is None
        assert await theirs.purge() == 0
    finally:
        application_filter.reset(reset)


@pytest.mark.parametrize("key", ["", "x" * 256, "two\nlines", "nul\0"])
async def test_a_key_that_is_no_line_of_text_is_refused(requests: Idempotency, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await requests.claim("user:1", key, ONE)
