"""A quota that two servers race for: exactly what is left of it passes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from faults_support import QUESTION, Replica, new_member

from aura import Aura
from aura.tenants.values import PlanChanges

LEFT = 10
CALLS = 100


@pytest.mark.parametrize(
    "call",
    [
        {"method": "POST", "url": "/chat/", "json": {**QUESTION, "temporary": True}},
        {"method": "GET", "url": "/documents/search", "params": {"q": "storks"}},
    ],
    ids=["chat", "search"],
)
async def test_of_a_hundred_calls_on_two_servers_exactly_the_ten_that_are_left_pass(
    platform: Aura, one: Replica, other: Replica, call: dict[str, Any]
) -> None:
    member = await new_member(platform, plan=PlanChanges(max_api_calls_monthly=LEFT))
    async with one.client(member.token) as here, other.client(member.token) as there:
        calls = [client.request(**call) for client in (here, there) for _ in range(CALLS // 2)]
        answers = await asyncio.gather(*calls)
    assert Counter(answer.status_code for answer in answers) == {200: LEFT, 429: CALLS - LEFT}
    assert all(_refusal_is_whole(answer) for answer in answers if answer.status_code == 429)
    remaining = sorted(int(answer.headers["RateLimit-Remaining"]) for answer in answers if answer.status_code == 200)
    assert remaining == list(range(LEFT))
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {str(LEFT)}


def _refusal_is_whole(answer: httpx.Response) -> bool:
    said = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and int(answer.headers["Retry-After"]) > 0
        and answer.headers["RateLimit-Remaining"] == "0"
        and int(answer.headers["RateLimit-Reset"]) > 0
        and (said["limit"], said["remaining"]) == ("monthly_calls", 0)
    )
