"""Logs and traces: one line a request, no bodies, queries or secrets, in no message and in no `repr`."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
import msgspec
import pytest
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, Status, StatusCode, get_current_span, get_tracer
from pydantic import SecretStr
from server_support import INTERNAL_API_KEY, PASSWORD, QUESTION, Served, Tenant, bearer, client_of

from aura import Settings
from aura.access.credentials import Credential, Kind
from aura.identity import Role, TenantId
from aura_server import logs
from aura_server.app import Options, litestar
from aura_server.metrics import Metrics
from aura_server.observing import Observed
from aura_server.wire.access import LoginRequest, LoginResponse, PasswordRequest, RefreshRequest, SignupRequest
from aura_server.wire.tenant import NewKeyResponse, ProviderKeyRequest, UserRequest

ID = UUID("0d4ea1b2-0000-4000-8000-000000000000")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLWl0"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process logs during a test, set up as `aura serve` does it."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers, root.level
    logs.configure(stream)
    yield stream
    root.handlers = before
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]


# -- one line a request ------------------------------------------------------------------------------------------------


async def test_a_request_leaves_one_line_that_names_its_route_and_not_its_path(
    written: io.StringIO, client: httpx.AsyncClient, acme: Tenant
) -> None:
    document = acme.documents["handbook"]
    headers = {**bearer(acme.tokens[Role.USER]), "X-Request-ID": "request-0001"}
    await client.get(f"/documents/{document}?secret=zyquery", headers=headers)
    (line,) = [line for line in lines(written) if line["logger"] == "aura_server.access"]
    assert {name: line[name] for name in ("request_id", "method", "route", "status", "tenant_id", "level")} == {
        "request_id": "request-0001",
        "method": "GET",
        "route": "/documents/{document_id}",
        "status": 200,
        "tenant_id": str(acme.programs.organisation.id),
        "level": "info",
    }
    assert isinstance(line["ms"], float)
    assert str(line["time"]).endswith("+00:00")
    assert str(document) not in written.getvalue()
    assert "zyquery" not in written.getvalue()


async def test_neither_questions_answers_credentials_nor_members_are_logged(
    written: io.StringIO, client: httpx.AsyncClient, acme: Tenant
) -> None:
    key, token = acme.keys[Role.USER], acme.tokens[Role.USER]
    body = {"model": "aura", "messages": [{"role": "user", "content": f"{QUESTION} zyquestion"}]}
    await client.post("/v1/chat/completions", json=body, headers=bearer(key))
    await client.get("/documents/search", params={"q": "zyquestion"}, headers=bearer(token))
    login = {"email": f"user@{acme.name}.test", "password": PASSWORD, "tenant_subdomain": acme.name}
    answer = (await client.post("/api/login", json=login)).json()
    await client.post("/api/login", json={**login, "password": "zywrong-password"})
    await client.get("/nowhere", headers=bearer("zystranger"))
    text = written.getvalue()
    assert len(lines(written)) >= 5
    for secret in ("zyquestion", key, token, PASSWORD, "zywrong", "zystranger", acme.canary, acme.name, "@"):
        assert secret not in text
    for secret in (answer["access_token"], answer["refresh_token"], answer["user_id"]):
        assert secret not in text


async def test_an_error_that_nobody_foresaw_is_logged_with_the_id_that_its_caller_got(
    written: io.StringIO, world: Served, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise RuntimeError(f"no connection with Bearer {TOKEN}")

    monkeypatch.setattr(world.aura, "health", broken)
    answer = await client.get("/health")
    assert answer.status_code == 500
    assert "connection" not in answer.text
    (line,) = [line for line in lines(written) if line["level"] == "error"]
    assert answer.json()["request_id"] in str(line["message"])
    assert "RuntimeError: no connection" in str(line["exception"])
    assert TOKEN not in written.getvalue()


# -- secrets -----------------------------------------------------------------------------------------------------------


def secrets() -> Iterator[tuple[str, str]]:
    for kind in Kind:
        made = Credential.new(kind, TenantId(ID))
        yield f"the credential {made.text} came", made.text[12:]
    yield f"Authorization: Bearer {TOKEN}", TOKEN
    yield "authorization: bearer opaque-token-123", "opaque-token-123"
    yield f"a token alone {TOKEN}.", TOKEN
    yield "Incorrect API key provided: sk-proj-abc_DEF-123456", "abc_DEF-123456"
    yield "xai-0123456789abcdef refused", "0123456789abcdef"
    yield "postgresql://aura_app:hunter2@db.example:5432/aura", "hunter2"
    yield "GET /ws/chat?token=aura_tk_abcdef&x=1", "abcdef"
    yield "GET /x?api_key=hunter2", "hunter2"


@pytest.mark.parametrize(("message", "secret"), secrets())
def test_a_secret_is_masked_wherever_it_stands(written: io.StringIO, message: str, secret: str) -> None:
    logger = logging.getLogger("somebody.else")
    logger.warning("as an argument: %s", message)
    logger.warning(message)
    try:
        raise ValueError(message)
    except ValueError:
        logger.exception("in a traceback")
    assert len(lines(written)) == 3
    assert secret not in written.getvalue()
    assert written.getvalue().count("[redacted]") >= 3


def test_what_is_no_secret_stays() -> None:
    plain = f"GET /documents/{{document_id}} 200 of tenant {ID}; ask-me, task-12345678 and skin are words; https://a.example/x"
    assert logs.masked(plain) == plain


async def test_no_repr_shows_a_secret(world: Served, acme: Tenant) -> None:
    member = await world.aura.workspace(acme.name, f"user@{acme.name}.test")
    assert member.user is not None
    login = await world.aura.access.open_session(member.organisation, member.user)
    caller = await world.aura.access.authenticate(acme.keys[Role.USER])
    key, secret = await member.keys.create("shown once")
    settings = Settings.load(jwt_secret=SecretStr(INTERNAL_API_KEY[::-1]), openai_api_key=SecretStr("sk-zysecret"))
    held = [
        world.aura, world.aura.access, world.aura.settings, world.aura._parts, world.aura._parts.access, member, caller, key,
        login, await world.aura.access.ticket(caller), settings, Credential.read(Kind.API_KEY, secret),
        LoginResponse.of(login), NewKeyResponse.with_secret(key, secret), RefreshRequest(refresh_token=login.refresh_token),
        LoginRequest(email="a@b.test", password=PASSWORD), PasswordRequest(old_password=PASSWORD, new_password=PASSWORD),
        SignupRequest(organization_name="A", subdomain="a", admin_email="a@b.test", password=PASSWORD),
        ProviderKeyRequest(key="sk-zysecret"),
        UserRequest(email="a@b.test", password=PASSWORD, role=Role.USER),
    ]  # fmt: skip
    shown = " ".join(f"{each!r} {each}" for each in held)
    for hidden in (
        INTERNAL_API_KEY, INTERNAL_API_KEY[::-1], PASSWORD, "zysecret", secret, login.access_token, login.refresh_token,
        acme.keys[Role.USER], world.aura._parts.access.jwt_secret,
    ):  # fmt: skip
        assert hidden not in shown


# -- traces ------------------------------------------------------------------------------------------------------------


class Recorded(NonRecordingSpan):
    """A span that remembers."""

    def __init__(self, name: str, parent: Context) -> None:
        super().__init__(get_current_span(parent).get_span_context())
        self.name = name
        self.attributes: dict[str, object] = {}
        self.failed = False

    def is_recording(self) -> bool:
        return True

    def update_name(self, name: str) -> None:
        self.name = name

    def set_attribute(self, key: str, value: object) -> None:
        self.attributes[key] = value

    def set_status(self, status: Status, description: str | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.failed = status.status_code is StatusCode.ERROR


class Recorder(NoOpTracer):
    """A tracer that keeps its spans."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    @contextmanager
    def start_as_current_span(self, name: str, context: Context, **_: object) -> Iterator[Recorded]:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.spans.append(Recorded(name, context))
        yield self.spans[-1]


async def test_a_request_is_a_span_with_its_template_in_the_trace_of_its_caller(world: Served, acme: Tenant) -> None:
    tracer, metrics = Recorder(), Metrics(world.aura.totals)
    app = Observed(litestar(world.aura, Options(), metrics), metrics, tracer=tracer)
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    async with client_of(app, headers=headers) as client:
        await client.get(f"/documents/{acme.documents['handbook']}?q=zyq", headers=bearer(acme.keys[Role.USER]))
    [found] = tracer.spans
    assert (found.name, found.failed) == ("GET /documents/{document_id}", False)
    assert found.attributes == {
        "http.request.method": "GET",
        "http.route": "/documents/{document_id}",
        "http.response.status_code": 200,
    }
    assert f"{found.get_span_context().trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"


async def test_without_an_sdk_nothing_is_traced(client: httpx.AsyncClient) -> None:
    assert not get_tracer("aura_server").start_span("x").is_recording()
    assert (await client.get("/health")).status_code == 200
