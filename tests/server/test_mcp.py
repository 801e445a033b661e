"""`/mcp` with the official client, over a real socket: what it offers, with whose rights, and that nothing crosses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent
from server_support import QUESTION, Served, Tenant, bearer

from aura.identity import Role
from aura_server import create_app
from aura_server.app import Options

Connect = Callable[[str], AbstractAsyncContextManager[Client]]
"""The official client with a credential."""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def connect(address: str) -> Connect:
    @asynccontextmanager
    async def connected(credential: str) -> AsyncGenerator[Client]:
        async with (
            httpx2.AsyncClient(headers=bearer(credential), timeout=60) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
        ):
            yield client

    return connected


def text_of(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


def shown(result: CallToolResult) -> str:
    """All that a result says, in both of its forms."""
    return text_of(result) + json.dumps(result.structured_content)


async def test_the_official_client_connects_lists_and_calls_both_tools(connect: Connect, acme: Tenant) -> None:
    async with connect(acme.keys[Role.USER]) as client:
        assert client.server_info.name == "aura"
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"search", "ask"}
        assert all(tool.input_schema["type"] == "object" and tool.output_schema for tool in tools.values())
        found = await client.call_tool("search", {"query": "warranty", "limit": 1})
        answer = await client.call_tool("ask", {"question": QUESTION})
    assert not found.is_error
    assert found.structured_content is not None
    assert [item["filename"] for item in found.structured_content["items"]] == ["handbook.md"]
    assert text_of(found).startswith("[1] handbook.md\n")
    assert not answer.is_error
    assert answer.structured_content is not None
    assert "thirteen months" in answer.structured_content["answer"]
    citation = answer.structured_content["citations"][0]
    document = await acme.programs.documents.text(acme.documents["handbook"])
    assert document[citation["start"] : citation["end"]] == citation["quote"]
    assert citation["quote"] in text_of(answer)


async def test_a_collection_narrows_both_tools(connect: Connect, acme: Tenant) -> None:
    async with connect(acme.keys[Role.USER]) as client:
        arguments = {"collection": f"handbook {acme.name}"}
        found = await client.call_tool("search", {"query": "canteen", **arguments})
        answer = await client.call_tool("ask", {"question": "When does the canteen open?", **arguments})
        everywhere = await client.call_tool("ask", {"question": "When does the canteen open?"})
    assert "canteen.md" not in shown(found)
    assert answer.structured_content is not None
    assert answer.structured_content["refused"] is True
    assert "noon" in text_of(everywhere)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search", {}),
        ("search", {"query": "x", "limit": 0}),
        ("search", {"query": "x", "limit": 101}),
        ("search", {"query": "x", "tenant": "globex"}),
        ("search", {"query": " "}),
        ("ask", {"question": 5}),
        ("ask", {"question": ""}),
        ("ask", {"question": "x", "collection": "no such collection"}),
    ],
)
async def test_what_a_tool_can_not_use_is_an_error_that_says_why(
    connect: Connect, acme: Tenant, tool: str, arguments: dict[str, object]
) -> None:
    async with connect(acme.keys[Role.USER]) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert len(text_of(result)) > 10
    assert "internal" not in text_of(result)


async def test_there_is_no_third_tool(connect: Connect, acme: Tenant) -> None:
    async with connect(acme.keys[Role.USER]) as client:
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("delete_everything", {})


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER, Role.USER])
async def test_a_caller_finds_what_its_role_may_see(connect: Connect, acme: Tenant, globex: Tenant, role: Role) -> None:
    async with connect(acme.tokens[role]) as client:
        found = await client.call_tool("search", {"query": f"{globex.canary} memo warranty {role}", "limit": 100})
        answer = await client.call_tool("ask", {"question": "What does the merger memo say?"})
    text = shown(found) + shown(answer)
    assert acme.canary in text
    assert globex.canary not in text
    assert (acme.private_canary in text) is (role is Role.USER)


async def test_fifty_calls_of_two_organisations_at_once_do_not_meet(
    connect: Connect, acme: Tenant, globex: Tenant
) -> None:
    async def work(own: Tenant, foreign: Tenant) -> None:
        async with connect(own.keys[Role.USER]) as client:
            calls = [client.call_tool("search", {"query": "warranty memo canteen", "limit": 100}) for _ in range(12)]
            calls += [client.call_tool("ask", {"question": QUESTION}) for _ in range(13)]
            results = await asyncio.gather(*calls)
        assert not any(result.is_error for result in results)
        assert all(own.canary in shown(result) for result in results)
        assert not any(foreign.canary in shown(result) or foreign.private_canary in shown(result) for result in results)

    await asyncio.gather(work(acme, globex), work(globex, acme))


async def test_a_foreign_collection_is_answered_as_an_unknown_one(
    connect: Connect, acme: Tenant, globex: Tenant
) -> None:
    said = set[str]()
    async with connect(acme.keys[Role.USER]) as client:
        for collection in (f"handbook {globex.name}", "handbook nowhere"):
            for tool, arguments in (("search", {"query": "x"}), ("ask", {"question": "x"})):
                result = await client.call_tool(tool, {**arguments, "collection": collection})
                assert result.is_error
                said.add(text_of(result).replace(collection, "COLLECTION"))
    assert len(said) == 1


async def test_a_key_calls_the_tools_of_its_verbs(connect: Connect, world: Served, acme: Tenant) -> None:
    member = await world.aura.workspace(acme.name, f"user@{acme.name}.test")
    allowed = {}
    for verb in ("read", "ask", "write"):
        _, secret = await member.keys.create(verb, verbs=[verb])
        async with connect(secret) as client:
            search = await client.call_tool("search", {"query": "warranty"})
            ask = await client.call_tool("ask", {"question": QUESTION})
        allowed[verb] = (not search.is_error, not ask.is_error)
    assert allowed == {"read": (True, False), "ask": (False, True), "write": (False, False)}


async def test_without_a_credential_there_is_no_protocol(client: httpx.AsyncClient) -> None:
    for headers in ({}, bearer("aura_sk_" + "A" * 86)):
        answer = await client.post("/mcp", json=INITIALIZE, headers={**ACCEPT, **headers})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_only_posts_are_taken(client: httpx.AsyncClient, acme: Tenant) -> None:
    for method in ("GET", "DELETE"):
        answer = await client.request(method, "/mcp", headers={**ACCEPT, **bearer(acme.keys[Role.USER])})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://localhost", 200),
        ("https://app.example", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_pages_of_other_sites_may_not_call(world: Served, acme: Tenant, origin: str | None, status: int) -> None:
    app = create_app(world.aura, Options(cors_origins=("https://app.example",)))
    transport = httpx.ASGITransport(app)  # pyright: ignore[reportArgumentType]
    headers = {**ACCEPT, **bearer(acme.keys[Role.USER]), **({} if origin is None else {"Origin": origin})}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/mcp", json=INITIALIZE, headers=headers)
    assert answer.status_code == status


async def test_a_host_that_is_not_ours_is_refused(client: httpx.AsyncClient, acme: Tenant) -> None:
    headers = {**ACCEPT, **bearer(acme.keys[Role.USER]), "Host": "rebound.example"}
    assert (await client.post("/mcp", json=INITIALIZE, headers=headers)).status_code == 400
