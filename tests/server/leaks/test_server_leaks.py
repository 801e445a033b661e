"""The nine leak shapes over HTTP: what somebody else has is, to everybody, as if it were not there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from asgi_support import ask, socket
from attacks import ATTACKS, LISTS, Side, new_side, removed_later, shown, state
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp
from server_support import QUESTION, Served, bearer, listening

from aura.database.scopes import application_filter
from aura.identity import Role
from aura.tenants.values import UserChanges
from aura_server import sockets
from aura_server.app import Options, create_app, litestar
from aura_server.web_app import CLIENT_ROUTES, ROOT_FILES

VARYING = {"x-request-id", "date", "ratelimit-remaining", "ratelimit-reset", "ratelimit-limit"}
WITHOUT_THINGS = {"/", "/test", "/schema", "/schema/openapi.json", "/schema/{path}", "/documents/events"}
WITHOUT_THINGS |= {f"/{each}{rest}" for each in CLIENT_ROUTES for rest in ("", "/{rest}")}
WITHOUT_THINGS |= {f"/{each}" for each in ("assets/{name}", *ROOT_FILES)}
WITHOUT_THINGS |= {"/voice/status", "/voice/voices"}
"""Reading routes that show nothing of anybody's, and the stream, which has tests of its own."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sides(world: Served) -> tuple[Side, Side]:
    return await new_side(world, "heron"), await new_side(world, "osprey")


@pytest.fixture(params=[True, False], ids=["both locks", "row-level security alone"])
def filtered(request: pytest.FixtureRequest) -> Iterator[bool]:
    """With and without the application's own filter."""
    token = application_filter.set(request.param)
    yield request.param
    application_filter.reset(token)


@pytest.fixture
def app(world: Served) -> ASGIApp:
    return world.app


def observable(answer: httpx.Response, id: str) -> tuple[object, ...]:
    """All that a caller can compare, but for what differs from one request to the next."""
    request_id = answer.headers["x-request-id"]
    body = answer.text.replace(request_id, "REQUEST").replace(id, "ID")
    headers = sorted((name, value) for name, value in answer.headers.multi_items() if name not in VARYING)
    return answer.status_code, body, headers


def test_every_route_with_an_id_is_attacked_and_every_other_is_looked_at() -> None:
    read, named = set[str](), set[str]()
    for route in litestar(None, Options()).routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            assert isinstance(handler, HTTPRouteHandler)
            for method in handler.http_methods - {"OPTIONS"}:
                if "_id}" in route.path_format:
                    named.add(f"{method} {route.path_format}")
                elif method == "GET" and not handler.operation_id:  # those that are not built have one
                    read.add(route.path_format)
    attacked = {f"{attack.method} {attack.path}" for attack in ATTACKS.values()}
    shapes = {re.sub(r"\{[^}]*\}", "", each) for each in attacked}
    assert {re.sub(r"\{[^}]*\}", "", each) for each in named} - shapes == {"GET /v1/models/"}
    assert read - WITHOUT_THINGS - {path.rstrip("/") for path in LISTS} == set()


# -- 1 by id, 2 side artefacts, 3 ids that clients supply, 4 the second surface, 9 oracles -----------------------------


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_foreign_id_is_answered_as_an_unknown_one(app: ASGIApp, sides: tuple[Side, Side], name: str) -> None:
    attack, (victim, mallory) = ATTACKS[name], sides
    for who, headers in mallory.callers.items():
        foreign, unknown = victim.shared[attack.kind], str(uuid4())
        one, two = await attack(app, headers, foreign), await attack(app, headers, unknown)
        assert observable(one, foreign) == observable(two, unknown), who
        assert refused(one), (who, one.status_code, one.text)
        assert victim.name not in one.text, who


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if not attack.admins])
@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER])
async def test_a_colleague_s_private_thing_is_as_one_that_is_not_there(
    app: ASGIApp, sides: tuple[Side, Side], name: str, role: Role
) -> None:
    attack, (side, _) = ATTACKS[name], sides
    if attack.kind not in side.private:
        pytest.skip("no member has such a thing for itself")
    headers, mine, unknown = bearer(side.tenant.tokens[role]), side.private[attack.kind], str(uuid4())
    one, two = await attack(app, headers, mine), await attack(app, headers, unknown)
    assert observable(one, mine) == observable(two, unknown)
    assert refused(one)
    assert side.tenant.private_canary not in one.text


async def test_after_all_of_it_the_victim_has_what_it_had(app: ASGIApp, sides: tuple[Side, Side]) -> None:
    victim, mallory = sides
    before = await state(app, victim)
    for attack in ATTACKS.values():
        for headers in mallory.callers.values():
            await attack(app, headers, victim.shared[attack.kind])
        if not attack.admins and attack.kind in victim.private:
            await attack(app, bearer(victim.tenant.tokens[Role.MANAGER]), victim.private[attack.kind])
    assert await state(app, victim) == before


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if attack.reads])
async def test_row_level_security_alone_gives_no_foreign_thing_out(
    app: ASGIApp, sides: tuple[Side, Side], name: str
) -> None:
    attack, (victim, mallory) = ATTACKS[name], sides
    token = application_filter.set(False)
    try:
        for who, headers in mallory.callers.items():
            answer = await attack(app, headers, victim.shared[attack.kind])
            assert refused(answer), (who, answer.status_code, answer.text)
            assert victim.name not in answer.text, who
    finally:
        application_filter.reset(token)


def refused(answer: httpx.Response) -> bool:
    """Whether nothing came of it. The tools' protocol says so inside a good answer; a list of nothing is one, too."""
    if answer.status_code != 200:
        return answer.status_code in (400, 403, 404)
    return '"isError":true' in answer.text or answer.json().get("items") == []


async def test_the_owner_s_own_requests_succeed(app: ASGIApp, sides: tuple[Side, Side]) -> None:
    """So that the tests above are not of requests that nobody could make."""
    _, side = sides
    admin, failed = bearer(side.tenant.tokens[Role.ADMIN]), list[str]()
    for name, attack in ATTACKS.items():
        if attack.reads and (await attack(app, admin, side.shared[attack.kind])).status_code != 200:
            failed.append(name)
    others = ("/chat/history", "/chat/context", "/v1/models")
    expected = [name for name in ATTACKS if any(path in name for path in others)]
    assert failed == expected, "an admin does not read what a member asked; models go by the collection's name"


async def test_what_a_caller_is_shown_is_its_own_organisation_s(
    app: ASGIApp, sides: tuple[Side, Side], filtered: bool
) -> None:
    victim, mallory = sides
    for who, headers in mallory.callers.items():
        for path, text in (await shown(app, headers)).items():
            assert victim.name not in text, (who, path)


async def test_these_lists_do_show_the_canary_to_its_owner(app: ASGIApp, sides: tuple[Side, Side]) -> None:
    side, _ = sides
    seen = await shown(app, bearer(side.tenant.tokens[Role.ADMIN]))
    blind = {path for path, text in seen.items() if side.name not in text}
    numbers = {"/health", "/metrics", "/admin/dashboard", "/admin/costs", "/admin/health", "/admin/jobs"}
    numbers |= {"/tenant/budgets"}
    settings = {"/memory/settings", "/memory/summary", "/persona/"}  # an address is letters alone, a canary is not
    others = {"/documents/", "/tenant/usage", "/v1/models/aura", "/admin/audit", "/tenant/export"}
    others |= {"/tenant/provider-keys"}  # who the providers are, and never a key
    assert blind - numbers - settings <= others


async def test_a_cursor_of_somebody_else_opens_nothing(app: ASGIApp, sides: tuple[Side, Side]) -> None:
    victim, mallory = sides
    theirs, ours = bearer(victim.tenant.tokens[Role.ADMIN]), bearer(mallory.tenant.tokens[Role.ADMIN])
    for path in ("/documents/", "/collections", "/tenant/users", "/tenant/keys"):
        page = (await ask(app, "GET", path, params={"limit": 1}, headers=theirs)).json()
        assert page["next_cursor"], path
        answer = await ask(app, "GET", path, params={"cursor": page["next_cursor"]}, headers=ours)
        assert victim.name not in answer.text, path


# -- the socket --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["resume", "stop", "conversation", "collection", "user"])
async def test_a_socket_tells_foreign_from_unknown_as_little(
    app: ASGIApp, sides: tuple[Side, Side], message: str
) -> None:
    victim, mallory = sides
    said = {
        "resume": lambda ids: {"type": "resume", "response_id": ids["response"]},
        "stop": lambda ids: {"type": "stop", "response_id": ids["response"]},
        "conversation": lambda ids: {"type": "message", "message": QUESTION, "session_id": ids["conversation"]},
        "collection": lambda ids: {"type": "message", "message": QUESTION, "collection": ids["collection"]},
        "user": lambda ids: {"type": "message", "message": QUESTION, "user_id": ids["user"]},
    }[message]
    for who, headers in mallory.callers.items():
        if who == "service" and message == "user":
            continue  # has no member whose role could forbid it; by HTTP it is tried above
        heard = list[str]()
        unknown = dict.fromkeys(victim.shared, str(uuid4()))
        for ids in (victim.shared, unknown):
            async with socket(app, "/ws/chat", headers=headers) as talk:
                await talk.say(**said(ids))
                answer = repr(await talk.hear_answer())
            for id in ids.values():
                answer = answer.replace(id, "ID")
            heard.append(answer)
        assert heard[0] == heard[1], who
        assert "NotFound" in heard[0], who


@pytest.mark.parametrize("path", ["/v1/realtime", "/api/voice/continuous"])
@pytest.mark.parametrize("what", ["conversation", "collection"])
async def test_a_socket_for_voice_tells_foreign_from_unknown_as_little(
    app: ASGIApp, sides: tuple[Side, Side], path: str, what: str
) -> None:
    victim, mallory = sides
    for who, headers in mallory.callers.items():
        heard = list[str]()
        for id in (victim.shared[what], str(uuid4())):
            query = f"conversation={id}" if what == "conversation" else f"model=aura:{id}"
            async with socket(app, f"{path}?{query}", headers=headers) as talk:
                said = await talk.hear()
            said.pop("event_id", None)
            heard.append(repr(said).replace(id, "ID"))
        assert heard[0] == heard[1], who
        assert "NotFound" in heard[0], who


# -- 5 caches ----------------------------------------------------------------------------------------------------------


async def test_the_same_content_is_another_document_in_each_organisation(
    app: ASGIApp, sides: tuple[Side, Side]
) -> None:
    content = f"# Same\n\nThe same words in two houses: {uuid4()}.\n".encode()
    answers = [
        await ask(
            app,
            "POST",
            "/documents/",
            files={"files": ("same.md", content)},
            headers=bearer(side.tenant.tokens[Role.ADMIN]) | {"Idempotency-Key": "the same key"},
        )
        for side in sides
    ]
    (one,), (two,) = [answer.json()["documents"] for answer in answers]
    assert one["id"] != two["id"]
    assert (one["duplicate"], two["duplicate"]) == (False, False)


async def test_no_answer_may_be_kept_by_a_cache_between(app: ASGIApp, sides: tuple[Side, Side]) -> None:
    headers = bearer(sides[0].tenant.tokens[Role.ADMIN])
    for path, query in LISTS.items():
        answer = await ask(app, "GET", path, params=query, headers=headers)
        assert answer.headers["cache-control"] == "no-store", path


# -- 7 keys stronger than their maker ----------------------------------------------------------------------------------


async def test_a_key_that_sees_one_collection_is_shown_no_other(world: Served, sides: tuple[Side, Side]) -> None:
    side, _ = sides
    admin = await world.aura.workspace(side.name, f"admin@{side.name}.test")
    _, key = await admin.keys.create("limited", collections=[side.tenant.collections["handbook"]])
    for path, text in (await shown(world.app, bearer(key))).items():
        assert "canteen" not in text, path
    foreign, unknown = str(side.tenant.documents["canteen"]), str(uuid4())
    for name, attack in ATTACKS.items():
        if attack.kind == "document":
            one, two = await attack(world.app, bearer(key), foreign), await attack(world.app, bearer(key), unknown)
            assert observable(one, foreign) == observable(two, unknown), name


async def test_a_key_of_a_member_who_was_demoted_is_demoted(world: Served, sides: tuple[Side, Side]) -> None:
    side, _ = sides
    member, _, _ = await removed_later(world.aura, side.tenant)
    assert member.user is not None
    await side.tenant.programs.users.update(member.user.id, UserChanges(role=Role.ADMIN))
    risen = await world.aura.workspace(side.name, member.user.id)
    _, key = await risen.keys.create("risen")
    assert (await ask(world.app, "GET", "/tenant/users", headers=bearer(key))).status_code == 200
    await side.tenant.programs.users.update(member.user.id, UserChanges(role=Role.USER))
    assert (await ask(world.app, "GET", "/tenant/users", headers=bearer(key))).status_code == 403


async def test_a_member_can_not_make_a_key_for_more(app: ASGIApp, sides: tuple[Side, Side]) -> None:
    headers = bearer(sides[0].tenant.tokens[Role.MANAGER])
    body = {"name": "more", "scopes": {"verbs": ["read", "admin"]}}
    assert (await ask(app, "POST", "/tenant/keys", json=body, headers=headers)).status_code == 403


# -- 8 access that is kept after removal -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["switched off", "deleted", "demoted by the key's end"])
async def test_a_socket_that_is_open_ends_at_the_next_message(
    world: Served, sides: tuple[Side, Side], how: str
) -> None:
    side, _ = sides
    member, token, key = await removed_later(world.aura, side.tenant)
    by_key = how == "demoted by the key's end"
    async with socket(world.app, "/ws/chat", headers=bearer(key if by_key else token)) as talk:
        await talk.say(type="message", message=QUESTION)
        assert (await talk.hear_answer())[-1]["type"] in ("final", "refusal")
        await _remove(side, member, how)
        await talk.say(type="message", message=QUESTION)
        assert await talk.hear() == {"closed": 1008}


async def test_a_socket_that_is_open_and_asks_nothing_ends_too(
    world: Served, sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "HEARTBEAT_SECONDS", 0.02)
    member, token, _ = await removed_later(world.aura, sides[0].tenant)
    async with socket(world.app, "/ws/chat", headers=bearer(token)) as talk, asyncio.timeout(60):
        assert await talk.hear() == {"type": "ping"}
        await _remove(sides[0], member, "switched off")
        while (told := await talk.hear()) == {"type": "ping"}:
            pass
        assert told == {"closed": 1008}


@pytest.mark.parametrize("how", ["switched off", "deleted", "demoted by the key's end"])
async def test_a_stream_of_changes_ends_before_it_tells_of_another_change(
    world: Served, sides: tuple[Side, Side], events_address: str, how: str
) -> None:
    side, _ = sides
    member, token, key = await removed_later(world.aura, side.tenant)
    headers = bearer(key if how == "demoted by the key's end" else token)
    async with (
        httpx.AsyncClient(base_url=events_address, timeout=60) as client,
        client.stream("GET", "/documents/events", headers=headers) as stream,
    ):
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        before, afterwards = uuid4().hex, uuid4().hex
        await _upload(world.app, side, before)
        async with asyncio.timeout(60):
            while before not in await anext(lines):
                pass
        await _remove(side, member, how)
        await _upload(world.app, side, afterwards)
        async with asyncio.timeout(60):
            rest = [line async for line in lines]
    assert not [line for line in rest if afterwards in line]


@pytest_asyncio.fixture(loop_scope="session")
async def events_address(world: Served) -> AsyncIterator[str]:
    async with listening(create_app(world.aura)) as address:  # one application is served once at a time
        yield address


async def _upload(app: ASGIApp, side: Side, name: str) -> None:
    headers = bearer(side.tenant.tokens[Role.ADMIN])
    files = {"files": (f"{name}.md", f"# {name}\n\n{uuid4()}\n".encode())}
    assert (await ask(app, "POST", "/documents/", files=files, headers=headers)).status_code == 202


async def _remove(side: Side, member: object, how: str) -> None:
    user = member.user  # pyright: ignore
    if how == "switched off":
        await side.tenant.programs.users.update(user.id, UserChanges(is_active=False))
    elif how == "deleted":
        await side.tenant.programs.delete_user(user.id)
    else:
        for key in (await member.keys.list()).items:  # pyright: ignore
            await member.keys.revoke(key.id)  # pyright: ignore
