"""A browser's session: its refresh token in a cookie that no script reads, and that another origin's page can not use."""

from __future__ import annotations

import httpx
import msgspec
import pytest
from server_support import PASSWORD, Served, Tenant, bearer, client_of

from aura import Aura
from aura.tenants.organisations import Organisations
from aura_server import create_app
from aura_server.app import Options
from aura_server.session_cookie import NAME

KEPT = {"X-Aura-Session": "cookie"}


async def log_in(client: httpx.AsyncClient, tenant: Tenant, headers: dict[str, str]) -> httpx.Response:
    body = {"email": f"user@{tenant.name}.test", "password": PASSWORD, "tenant_subdomain": tenant.name}
    answer = await client.post("/api/login", json=body, headers=headers)
    assert answer.status_code == 200
    return answer


async def refresh(client: httpx.AsyncClient, token: str, headers: dict[str, str] = KEPT) -> httpx.Response:
    """Ask with `token` in the cookie alone."""
    cookie = {"Cookie": f"{NAME}={token}"}
    return await client.post("/api/token/refresh", json={"refresh_token": ""}, headers=headers | cookie)


def kept_in(answer: httpx.Response) -> str:
    token = answer.cookies.get(NAME)
    assert token is not None
    return token


async def test_the_refresh_token_is_in_the_cookie_alone(client: httpx.AsyncClient, acme: Tenant) -> None:
    answer = await log_in(client, acme, KEPT)
    assert answer.json()["refresh_token"] == ""
    cookie = answer.headers["set-cookie"].lower()
    for attribute in ("httponly", "samesite=strict", "path=/api/token", "max-age=2592000"):
        assert attribute in cookie
    assert kept_in(answer) not in answer.text


async def test_without_being_asked_nothing_is_put_into_a_cookie(client: httpx.AsyncClient, acme: Tenant) -> None:
    answer = await log_in(client, acme, {})
    assert answer.json()["refresh_token"]
    assert "set-cookie" not in answer.headers


async def test_the_cookie_is_exchanged_once(client: httpx.AsyncClient, acme: Tenant) -> None:
    first = kept_in(await log_in(client, acme, KEPT))
    answer = await refresh(client, first)
    assert answer.status_code == 200
    assert kept_in(answer) not in ("", first)
    assert (await refresh(client, first)).status_code == 401


async def test_a_refresh_token_opens_nothing_at_another_organisation_s_address(
    world: Served, acme: Tenant, globex: Tenant
) -> None:
    settings = world.aura.settings.model_copy(update={"base_domain": "aura.test"})
    parts = msgspec.structs.replace(world.aura._parts, settings=settings)
    aura = Aura(parts, Organisations(parts.database, passwords=parts.passwords, clock=parts.clock))
    async with client_of(create_app(aura, Options(hosts=("*",)))) as client:
        token = kept_in(await log_in(client, acme, KEPT))
        assert (await refresh(client, token, KEPT | {"Host": f"{globex.name}.aura.test"})).status_code == 401
        answer = await refresh(client, token, KEPT | {"Host": f"{acme.name}.aura.test"})
        assert answer.status_code == 200, "it was not used up by the attempt"


async def test_a_cookie_without_the_header_opens_nothing(client: httpx.AsyncClient, acme: Tenant) -> None:
    token = kept_in(await log_in(client, acme, KEPT))
    assert (await refresh(client, token, {})).status_code == 401
    assert (await refresh(client, token)).status_code == 200, "it was not used up by the attempt"


async def test_logging_out_takes_the_cookie_away(client: httpx.AsyncClient, acme: Tenant) -> None:
    answer = await log_in(client, acme, KEPT)
    out = await client.post("/api/logout", headers=KEPT | bearer(answer.json()["access_token"]))
    assert out.status_code == 204
    assert f'{NAME}="";' in out.headers["set-cookie"]
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await refresh(client, kept_in(answer))).status_code == 401


@pytest.fixture(autouse=True)
def no_cookies_between_tests(client: httpx.AsyncClient) -> None:
    client.cookies.clear()
