"""Every operation, tried by everybody: who is refused is told so in one way, and who is let in gets what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
import pytest_asyncio
from asgi_support import ask, socket
from litestar.handlers import HTTPRouteHandler
from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute
from matrix_support import ROWS, Caller, Place, Row, Who, new_place
from server_support import Served

from aura.identity import Verb
from aura_server.app import Options, litestar

SOCKETS = {"/ws/chat", "/v1/realtime", "/api/voice/continuous"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(world: Served) -> Place:
    return await new_place(world)


def operations() -> set[str]:
    """Every operation that the application has, from its own routes."""
    found = set[str]()
    for route in litestar(None, Options()).routes:
        if isinstance(route, ASGIRoute):
            found.add(f"POST {route.path_format}")
        elif isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                assert isinstance(handler, HTTPRouteHandler)
                found.update(f"{method} {route.path_format}" for method in handler.http_methods)
    return {each for each in found if not each.startswith("OPTIONS ")}


def spelled(operation: str) -> str:
    """As the framework spells it: without a slash at the end."""
    return operation if operation.endswith(" /") else operation.rstrip("/")


def test_every_operation_has_its_row() -> None:
    assert {spelled(each) for each in ROWS} == operations()


def test_every_socket_is_tried_by_a_test_of_its_own() -> None:
    routes = litestar(None, Options()).routes
    assert {route.path for route in routes if isinstance(route, WebSocketRoute)} == SOCKETS


def expected(row: Row, caller: Caller) -> int:
    if not caller.may(row.who):
        return 401 if caller.role is None else 404 if row.who is Who.OWN_HISTORY and caller.user_id is None else 403
    return row.differs.get(caller.name, row.ok)


@pytest.mark.parametrize("operation", ROWS)
async def test_it_is_as_the_table_says(place: Place, operation: str) -> None:
    row, wrong = ROWS[operation], list[str]()

    async def attempt(caller: Caller) -> None:
        answer = await asked(place, operation, caller)
        if answer.status_code != expected(row, caller):
            wrong.append(f"{caller.name}: {answer.status_code}, not {expected(row, caller)}: {answer.text[:120]}")
        if answer.status_code == 401 and row.who is not Who.PUBLIC:
            assert answer.headers["www-authenticate"] == "Bearer"

    callers = sorted(place.callers.values(), key=lambda caller: caller.name)
    for some in batched(callers, 8):
        await asyncio.gather(*(attempt(caller) for caller in some))
    assert not wrong, f"{operation}\n" + "\n".join(wrong)


def batched(callers: list[Caller], size: int) -> Iterator[list[Caller]]:
    return (callers[n : n + size] for n in range(0, len(callers), size))


async def asked(place: Place, operation: str, caller: Caller) -> httpx.Response:
    """What `caller` gets."""
    row, (method, template) = ROWS[operation], operation.split(" ")
    request = row.request(place)
    headers = {**request.pop("headers", {}), **caller.headers}
    if row.spends_session and caller.verbs is None and caller.role and caller.user_id:
        headers |= await fresh(place, caller)
    path = place.path(template, row, caller)
    return await ask(place.apps[caller.app], method, path, leave=row.leave, headers=headers, **request)


async def fresh(place: Place, caller: Caller) -> dict[str, str]:
    workspace = await place.aura.workspace(place.tenant.name, caller.user_id)  # pyright: ignore[reportArgumentType]
    assert workspace.user is not None
    login = await place.aura.access.open_session(workspace.organisation, workspace.user)
    return {"Authorization": f"Bearer {login.access_token}"}


async def test_whoever_is_refused_is_told_the_same(place: Place) -> None:
    told = set[str]()
    for caller in place.callers.values():
        if caller.role is None and caller.headers.get("Authorization", "").startswith("Bearer a"):
            answer = await ask(place.apps[caller.app], "GET", "/tenant", headers=caller.headers)
            told.add(answer.json()["detail"])
    assert len(told) == 1


async def test_the_socket_is_open_to_the_same_callers(place: Place) -> None:
    wrong = list[str]()
    for caller in place.callers.values():
        async with socket(place.apps[caller.app], "/ws/chat", headers=caller.headers) as talk:
            if not caller.headers.get("Authorization", "").startswith("Bearer"):
                await talk.say(type="ping")  # who shows nothing is waited for
            else:
                await talk.say(type="message", message="What does the handbook say?")
            last = (await talk.hear_answer())[-1]
        if caller.role is None:
            right = last == {"closed": 1008}
        elif caller.verbs is not None and Verb.ASK not in caller.verbs:
            right = (last.get("type"), last.get("kind")) == ("error", "Denied")
        else:
            right = last.get("type") in ("final", "refusal")
        if not right:
            wrong.append(f"{caller.name}: {last}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("path", "opened"), [("/v1/realtime", "session.created"), ("/api/voice/continuous", "ready")])
async def test_the_sockets_for_voice_are_open_to_the_same_callers(place: Place, path: str, opened: str) -> None:
    wrong = list[str]()
    for caller in place.callers.values():
        if path == "/api/voice/continuous" and not caller.headers:
            continue  # who shows nothing is waited for
        async with socket(place.apps[caller.app], path, headers=caller.headers) as talk:
            first = await talk.hear()
        may = caller.role is not None and (caller.verbs is None or Verb.ASK in caller.verbs)
        if (first["type"] == opened) != may:
            wrong.append(f"{caller.name}: {first}")
    assert not wrong, "\n".join(wrong)
