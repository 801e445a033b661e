"""Whatever goes wrong is one problem document, which tells nothing of the inside; and what every answer has about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import pytest_asyncio
from asgi_support import ask, socket
from litestar.types import ASGIApp
from server_support import Served, Tenant, bearer, client_of

from aura import Aura
from aura.errors import BackendError, LimitExceeded, Unavailable
from aura.health import Health
from aura.identity import Role
from aura.tenants.organisations import Organisations
from aura.usage.quotas import Quotas
from aura_server import create_app
from aura_server.app import Options
from aura_server.hardening import Limits

SECRET = "/var/lib/secret-place"
LARGE = 2 * 1024 * 1024


class Failing(Aura):
    """A platform whose health can not be told."""

    error: Exception = RuntimeError(f"no such file: {SECRET}")

    async def health(self) -> Health:
        raise self.error


@pytest.fixture
def app(world: Served) -> ASGIApp:
    return world.app


@pytest.fixture
def admin(acme: Tenant) -> dict[str, str]:
    return bearer(acme.tokens[Role.ADMIN])


def failing(aura: Aura, error: Exception | None = None) -> ASGIApp:
    """An application whose `/health` fails, in a way that is foreseen or not."""
    parts = aura._parts
    broken = Failing(parts, Organisations(parts.database, passwords=parts.passwords, clock=parts.clock))
    if error is not None:
        broken.error = error
    return create_app(broken)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of an answer, which is in the one form that they have."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    said = answer.json()
    assert {"type", "title", "status", "detail", "request_id"} <= set(said)
    assert said["type"].startswith("urn:aura:")
    assert (said["status"], said["request_id"]) == (status, answer.headers["x-request-id"])
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    return said


# -- the shapes --------------------------------------------------------------------------------------------------------


async def test_a_route_that_is_not_there(app: ASGIApp, admin: dict[str, str]) -> None:
    for headers in ({}, admin):
        for path in ("/nothing", "/documents/none", "/tenant/users/1", "/chat/history/me", "/..%2f..%2fetc/passwd"):
            problem(await ask(app, "GET", path, headers=headers), 404)


async def test_a_method_that_a_route_does_not_take_names_those_that_it_does(
    app: ASGIApp, admin: dict[str, str]
) -> None:
    answer = await ask(app, "PUT", "/documents/", headers=admin)
    problem(answer, 405)
    assert {"GET", "POST"} <= {each.strip() for each in answer.headers["allow"].split(",")}


async def test_no_credential_and_a_bad_one(app: ASGIApp) -> None:
    for headers in ({}, bearer("bad")):
        answer = await ask(app, "GET", "/tenant", headers=headers)
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": 1}, {"name"}),
        ({}, {"name"}),
        ({"name": "a", "colour": 1}, {"colour"}),
        ({"name": "a", "scopes": {"colour": 1}}, {"scopes.colour"}),
        ({"name": "a", "scopes": {"verbs": ["fly"]}}, {"scopes.verbs[0]"}),
        ({"name": "a", "scopes": {"collections": ["no id"]}}, {"scopes.collections[0]"}),
        ({"name": "a", "monthly_calls": "many"}, {"monthly_calls"}),
        ({"name": "a", "expires_at": "tomorrow"}, {"expires_at"}),
    ],
)
async def test_a_body_that_does_not_fit_names_its_fields(
    app: ASGIApp, admin: dict[str, str], body: object, fields: set[str]
) -> None:
    said = problem(await ask(app, "POST", "/tenant/keys", json=body, headers=admin), 400)
    assert {each["field"] for each in said["errors"]} == fields
    assert all(each["message"] for each in said["errors"])


async def test_what_the_library_refuses_names_its_field_too(app: ASGIApp, admin: dict[str, str]) -> None:
    body = {"name": "", "scopes": {"verbs": ["read"]}}
    said = problem(await ask(app, "POST", "/tenant/keys", json=body, headers=admin), 400)
    assert [each["field"] for each in said["errors"]] == ["name"]


async def test_an_address_that_nobody_knows_is_a_wrong_one(app: ASGIApp, admin: dict[str, str]) -> None:
    body = {"url": "https://nobody-knows-it.invalid/hook", "events": ["document.ready"]}
    said = problem(await ask(app, "POST", "/tenant/webhooks", json=body, headers=admin), 400)
    assert [each["field"] for each in said["errors"]] == ["url"]


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'{"message": "\xff"}', b"[" * 100_000])
async def test_a_body_that_can_not_be_read(app: ASGIApp, admin: dict[str, str], content: bytes) -> None:
    headers = admin | {"Content-Type": "application/json"}
    for path in ("/chat/", "/chat/stream", "/tenant/keys"):
        problem(await ask(app, "POST", path, content=content, headers=headers), 400)


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "ten"}, {"limit": str(10**30)}])
async def test_a_query_that_does_not_fit(app: ASGIApp, admin: dict[str, str], query: dict[str, str]) -> None:
    for path in ("/documents/", "/tenant/users", "/tenant/keys", "/admin/audit"):
        said = problem(await ask(app, "GET", path, params=query, headers=admin), 400)
        assert [each["field"] for each in said["errors"]] == ["limit"], path


@pytest.mark.parametrize("cursor", ["x", "\x00", "' OR 1=1 --", "9" * 400, "ünïcode", "%00"])
async def test_a_cursor_that_is_none_of_ours(app: ASGIApp, admin: dict[str, str], cursor: str) -> None:
    for path in ("/documents/", "/tenant/users", "/tenant/keys", "/admin/audit", "/collections"):
        answer = await ask(app, "GET", path, params={"cursor": cursor}, headers=admin)
        assert answer.status_code in (200, 400, 404), (path, answer.text)
        if answer.status_code != 200:
            problem(answer, answer.status_code)


async def test_a_body_that_says_it_is_too_large(app: ASGIApp, admin: dict[str, str]) -> None:
    said = problem(await ask(app, "POST", "/chat/", content=b"x" * LARGE, headers=admin), 413)
    assert "1,048,576" in said["detail"]


async def test_a_body_that_turns_out_to_be_too_large(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGE // 65_536):
            yield b" " * 65_536

    answer = await client.post("/chat/", content=pieces(), headers=admin | {"Content-Type": "application/json"})
    assert "content-length" not in answer.request.headers
    problem(answer, 413)


async def test_a_length_that_is_no_number(app: ASGIApp, admin: dict[str, str]) -> None:
    for length in ("many", "-1", "9" * 30):
        problem(await ask(app, "POST", "/chat/", headers=admin | {"Content-Length": length}), 400)


async def test_an_upload_of_another_content_type(app: ASGIApp, admin: dict[str, str]) -> None:
    for path in ("/documents/", "/tenant/import"):
        answer = await ask(app, "POST", path, json={"files": []}, headers=admin)
        problem(answer, answer.status_code)
        assert answer.status_code in (400, 415)


async def test_what_nobody_foresaw_is_told_by_its_id_alone(world: Served, caplog: pytest.LogCaptureFixture) -> None:
    said = problem(await ask(failing(world.aura), "GET", "/health"), 500)
    assert said["title"] == "Internal Server Error"
    (record,) = [each for each in caplog.records if said["request_id"] in each.getMessage() and each.exc_info]
    assert SECRET in str(record.exc_info), "the log has what the caller is not told"


async def test_a_client_that_hangs_up_before_its_body_has_come_is_no_error_of_the_server(
    app: ASGIApp, admin: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/chat/", "/chat/stream"):
        answer = await ask(app, "POST", path, hang_up=True, json={"message": "?"}, headers=admin)
        assert answer.status_code == 408, path
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_part_that_answers_wrongly_is_a_502_without_its_words(world: Served) -> None:
    problem(await ask(failing(world.aura, BackendError(f"got {SECRET}")), "GET", "/health"), 502)


async def test_a_part_that_is_away_says_when_to_try_again(world: Served) -> None:
    error = Unavailable("the database is away", retry_after_seconds=7)
    answer = await ask(failing(world.aura, error), "GET", "/health")
    problem(answer, 503)
    assert answer.headers["retry-after"] == "7"


async def test_a_limit_says_when_it_renews(
    world: Served, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    renews_at = datetime(2100, 1, 1, tzinfo=UTC)

    async def take(self: Quotas, *charges: object, **options: object) -> None:
        raise LimitExceeded("too many", limit="requests_per_minute", remaining=0, renews_at=renews_at)

    monkeypatch.setattr(Quotas, "take", take)
    answer = await ask(world.app, "GET", "/tenant", headers=admin)
    said = problem(answer, 429)
    assert (said["limit"], said["remaining"]) == ("requests_per_minute", 0)
    assert datetime.fromisoformat(said["renews_at"]) == renews_at
    assert int(answer.headers["retry-after"]) > 0


async def test_under_v1_errors_have_the_form_of_openai(app: ASGIApp, admin: dict[str, str]) -> None:
    for answer in (
        await ask(app, "GET", "/v1/models"),
        await ask(app, "GET", "/v1/models/none", headers=admin),
        await ask(app, "POST", "/v1/chat/completions", content=b"{", headers=admin),
        await ask(app, "POST", "/v1/embeddings", content=b"x" * LARGE, headers=admin),
        await ask(app, "GET", "/v1/models", headers={"Host": "elsewhere.test"}),
    ):
        assert answer.status_code >= 400
        assert answer.headers["content-type"] == "application/json"
        assert {"message", "type", "code", "param"} == set(answer.json()["error"])


# -- what every answer has ---------------------------------------------------------------------------------------------


async def test_every_answer_has_the_headers_that_harden_it(world: Served, admin: dict[str, str]) -> None:
    answers = [
        await ask(world.app, "GET", "/"),
        await ask(world.app, "GET", "/test"),
        await ask(world.app, "GET", "/schema"),
        await ask(world.app, "GET", "/health"),
        await ask(world.app, "GET", "/tenant", headers=admin),
        await ask(world.app, "GET", "/documents/events", headers=admin, leave=True),
        await ask(world.app, "GET", "/tenant"),
        await ask(world.app, "GET", "/nothing"),
        await ask(world.app, "PUT", "/documents/"),
        await ask(world.app, "OPTIONS", "/documents/"),
        await ask(world.app, "POST", "/chat/", content=b"x" * LARGE),
        await ask(world.app, "GET", "/", headers={"Host": "elsewhere.test"}),
        await ask(failing(world.aura), "GET", "/health"),
    ]
    assert {answer.status_code for answer in answers} >= {200, 204, 400, 401, 404, 405, 413, 500}
    for answer in answers:
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"].replace("wasm-unsafe-eval", "")
        assert headers["x-request-id"]
        assert "server" not in headers


async def test_a_page_runs_its_own_script_and_no_other(app: ASGIApp) -> None:
    policy = (await ask(app, "GET", "/test")).headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert "'unsafe-inline'" not in policy


async def test_the_caller_may_name_the_request(app: ASGIApp) -> None:
    answer = await ask(app, "GET", "/health", headers={"X-Request-ID": "from-the-proxy.1"})
    assert answer.headers["x-request-id"] == "from-the-proxy.1"
    for unusable in ("short", "x" * 65, "with space in it", "new\tline", "<script>alert(1)</script>"):
        given = (await ask(app, "GET", "/health", headers={"X-Request-ID": unusable})).headers["x-request-id"]
        assert str(UUID(given)) == given


# -- hosts and origins -------------------------------------------------------------------------------------------------


async def test_a_host_that_is_not_ours_is_refused(app: ASGIApp) -> None:
    for host in ("elsewhere.test", "localhost.elsewhere.test", "", "localhost@elsewhere.test", "127.0.0.1.elsewhere"):
        problem(await ask(app, "GET", "/health", headers={"Host": host}), 400)
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]", "[::1]:8000"):
        assert (await ask(app, "GET", "/health", headers={"Host": host})).status_code == 200, host


async def test_a_socket_to_a_host_that_is_not_ours_is_refused(app: ASGIApp) -> None:
    async with socket(app, "/ws/chat", headers={"Host": "elsewhere.test"}) as talk:
        assert "closed" in await talk.hear()


async def test_hosts_may_be_patterns(world: Served) -> None:
    app = create_app(world.aura, Options(hosts=("*.aura.test",)))
    assert (await ask(app, "GET", "/health", headers={"Host": "acme.aura.test"})).status_code == 200
    problem(await ask(app, "GET", "/health", headers={"Host": "aura.test.evil"}), 400)


async def preflight(app: ASGIApp, origin: str) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    return await ask(app, "OPTIONS", "/tenant", headers=headers)


async def test_no_other_site_may_call_unless_it_is_named(world: Served, admin: dict[str, str]) -> None:
    ours, theirs = "https://app.acme.test", "https://evil.test"
    closed, opened = world.app, create_app(world.aura, Options(cors_origins=(ours,)))
    for app, origin in ((closed, ours), (closed, theirs), (opened, theirs)):
        answer = await ask(app, "GET", "/tenant", headers=admin | {"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-origin" not in (await preflight(app, origin)).headers
    answer = await ask(opened, "GET", "/tenant", headers=admin | {"Origin": ours})
    assert answer.headers["access-control-allow-origin"] == ours
    assert (await preflight(opened, ours)).headers["access-control-allow-origin"] == ours
    assert "access-control-allow-credentials" not in answer.headers


async def test_an_error_too_can_be_read_by_a_site_that_is_named(world: Served) -> None:
    ours = "https://app.acme.test"
    app = create_app(world.aura, Options(cors_origins=(ours,)))
    assert (await ask(app, "GET", "/tenant", headers={"Origin": ours})).headers["access-control-allow-origin"] == ours


# -- slow clients ------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def impatient(world: Served) -> ASGIApp:
    """An application that waits for nobody."""
    limits = Limits(body_silence_seconds=0.05, body_seconds=0.2)
    return create_app(world.aura, Options(limits=limits))


@pytest.mark.parametrize("piece", [b"", b" "])
async def test_a_body_that_comes_too_slowly_is_given_up(
    impatient: ASGIApp, world: Served, admin: dict[str, str], piece: bytes
) -> None:
    """By silence, or by dripping on without an end."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        while True:
            await asyncio.sleep(0.02 if piece else 5)
            yield piece

    async with client_of(impatient) as client, asyncio.timeout(60):
        try:
            answer = await client.post("/chat/", content=pieces(), headers=admin)
        except (httpx.TransportError, AssertionError):
            return  # the connection is closed without a word
    assert answer.status_code in (400, 408, 499, 500)
    assert msgspec.json.decode(answer.content)["request_id"]
