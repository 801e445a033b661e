"""What happens by the calendar, through HTTP, on a clock that the test moves: expiry, rotation, months, retention."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from faults_support import QUESTION
from server_support import PASSWORD, bearer, client_of

from aura import Aura, Settings, Workspace
from aura.database.embedded import EmbeddedServer
from aura.tenants.values import PlanChanges
from aura.testing.clock import FixedClock
from aura.testing.embeddings import HashEmbedding
from aura.testing.llms import EchoLLM
from aura_server import create_app

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def clock() -> FixedClock:
    """Not long ago, as the database's own clock knows it; and no month ends while a test moves it by some days."""
    return FixedClock(datetime.now(UTC).replace(microsecond=0))


@pytest_asyncio.fixture(loop_scope="session")
async def aura(data_dir: Path, server: EmbeddedServer, clock: FixedClock) -> AsyncIterator[Aura]:
    settings = Settings.load(data_dir=data_dir, database_pool_size=3)
    options = {"embed_model": HashEmbedding(), "llm": EchoLLM(), "recover": False, "warm": False}
    async with Aura.open(settings, clock=clock, **options) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def owner(aura: Aura) -> Workspace:
    name = f"stork{uuid4().hex[:8]}"
    return await aura.tenants.create(
        organization_name=name, subdomain=name, admin_email=f"a@{name}.test", password=PASSWORD
    )


@pytest_asyncio.fixture(loop_scope="session")
async def client(aura: Aura) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(aura)) as client:
        yield client


async def login(client: httpx.AsyncClient, owner: Workspace) -> httpx.Response:
    name = owner.organisation.subdomain
    body = {"tenant_subdomain": name, "email": f"a@{name}.test", "password": PASSWORD}
    return await client.post("/api/login", json=body)


async def enter(client: httpx.AsyncClient, owner: Workspace) -> dict[str, str]:
    """Log in; the header that shows the token."""
    answer = await login(client, owner)
    assert answer.status_code == 200, answer.text
    return bearer(answer.json()["access_token"])


async def status(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return (await client.get("/tenant", headers=headers)).status_code


async def test_an_access_token_lasts_a_quarter_of_an_hour(
    client: httpx.AsyncClient, owner: Workspace, clock: FixedClock
) -> None:
    headers = await enter(client, owner)
    clock.advance(timedelta(minutes=14))
    assert await status(client, headers) == 200
    clock.advance(timedelta(minutes=2))
    assert await status(client, headers) == 401


async def test_a_session_is_refreshed_for_thirty_days_and_a_token_shown_twice_ends_it(
    client: httpx.AsyncClient, owner: Workspace, clock: FixedClock
) -> None:
    async def refresh(token: str) -> httpx.Response:
        return await client.post("/api/token/refresh", json={"refresh_token": token})

    first = token = (await login(client, owner)).json()["refresh_token"]
    for _ in range(29):
        clock.advance(DAY)
        answer = await refresh(token)
        assert answer.status_code == 200
        assert await status(client, bearer(answer.json()["access_token"])) == 200
        token = answer.json()["refresh_token"]
    clock.advance(2 * DAY)
    assert (await refresh(token)).status_code == 401

    answer = (await login(client, owner)).json()
    second = (await refresh(answer["refresh_token"])).json()
    clock.advance(HOUR)
    assert (await refresh(answer["refresh_token"])).status_code == 401  # somebody else has it, too
    assert (await refresh(second["refresh_token"])).status_code == 401
    assert first != token


async def test_a_key_is_good_until_it_expires(client: httpx.AsyncClient, owner: Workspace, clock: FixedClock) -> None:
    body = {"name": "for a day", "expires_at": (clock.now() + DAY).isoformat()}
    made = await client.post("/tenant/keys", json=body, headers=await enter(client, owner))
    key = bearer(made.json()["key"])
    clock.advance(DAY - HOUR)
    assert await status(client, key) == 200
    clock.advance(2 * HOUR)
    assert await status(client, key) == 401


async def test_calls_are_counted_anew_when_the_month_is(
    client: httpx.AsyncClient, aura: Aura, owner: Workspace, clock: FixedClock
) -> None:
    await aura.tenants.set_plan(owner.organisation.id, PlanChanges(max_api_calls_monthly=1))
    next_month = (clock.now().replace(day=1) + 32 * DAY).replace(day=1, hour=0, minute=0, second=0)

    async def ask(headers: dict[str, str]) -> httpx.Response:
        return await client.post("/chat/", json=QUESTION, headers=headers)

    clock.set(next_month - timedelta(seconds=90))
    headers = await enter(client, owner)
    assert (await ask(headers)).status_code == 200
    refused = await ask(headers)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "90")
    assert datetime.fromisoformat(refused.json()["renews_at"]) == next_month
    clock.advance(timedelta(seconds=89))
    assert (await ask(headers)).status_code == 429
    clock.advance(timedelta(seconds=1))
    assert (await ask(headers)).status_code == 200


async def test_an_organisation_whose_time_is_over_is_out_at_the_next_request(
    client: httpx.AsyncClient, aura: Aura, owner: Workspace, clock: FixedClock
) -> None:
    await aura.tenants.set_plan(owner.organisation.id, PlanChanges(expires_at=clock.now() + timedelta(minutes=10)))
    headers = await enter(client, owner)
    clock.advance(timedelta(minutes=9))
    assert await status(client, headers) == 200
    clock.advance(timedelta(minutes=2))
    assert await status(client, headers) == 401
    assert (await login(client, owner)).status_code == 401
    await aura.tenants.set_plan(owner.organisation.id, PlanChanges(expires_at=None))
    assert await status(client, headers) == 200


async def test_conversations_go_when_they_have_rested_for_the_days_of_retention(
    client: httpx.AsyncClient, aura: Aura, owner: Workspace, clock: FixedClock
) -> None:
    async def messages() -> list[dict[str, object]]:
        login_ = (await login(client, owner)).json()
        answer = await client.get(f"/chat/history/{login_['user_id']}", headers=bearer(login_["access_token"]))
        return answer.json()["items"]

    headers = await enter(client, owner)
    changed = await client.patch("/tenant", json={"custom_settings": {"retention_days": 1}}, headers=headers)
    assert changed.status_code == 200, changed.text
    assert (await client.post("/chat/", json=QUESTION, headers=headers)).status_code == 200
    housekeeping = aura.worker()._housekeeping
    clock.advance(DAY - HOUR)
    await housekeeping.run()
    assert len(await messages()) == 2
    clock.advance(2 * HOUR)
    await housekeeping.run()
    assert await messages() == []
