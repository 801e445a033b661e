"""The OpenAPI document: committed as the server writes it, complete, and readable by a stranger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from aura_server.app import Options, litestar
from aura_server.description import as_json
from aura_server.examples import BODIES, FORMS

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "openapi.json"
DESIGN = ROOT.parent / "shared" / "DESIGN.md"

CONTRACT = """
GET /health · POST /api/signup · POST /api/login · POST /api/token/refresh · POST /api/logout
POST /chat/ · POST /chat/stream · POST /chat/stop · POST /chat/feedback · GET /chat/history/{} · GET /chat/context/{}
POST /documents/ · GET /documents/ · GET /documents/{} · GET /documents/{}/content · GET /documents/{}/text
GET /documents/{}/chunks · GET /documents/events · POST /documents/{}/retry · DELETE /documents/{} · GET /documents/search
GET /collections · POST /collections · PATCH /collections/{} · DELETE /collections/{}
GET /memory/facts · PATCH /memory/facts/{} · DELETE /memory/facts/{} · GET /memory/facts/{}/why · GET /memory/summary
GET /memory/export · DELETE /memory/
GET /persona/ · PUT /persona/ · POST /persona/preview · DELETE /persona/learned
GET /voice/status · POST /voice/transcribe · POST /voice/synthesize · GET /voice/voices · POST /v1/realtime/client_secrets
GET /admin/dashboard · GET /admin/health · GET /admin/costs · GET /admin/audit · GET /admin/jobs
GET /tenant · PATCH /tenant · GET /tenant/usage · GET /tenant/users · POST /tenant/users · GET /tenant/users/{}
PATCH /tenant/users/{} · DELETE /tenant/users/{} · GET /tenant/keys · POST /tenant/keys · DELETE /tenant/keys/{}
PUT /tenant/provider-keys/{} · DELETE /tenant/provider-keys/{} · GET /tenant/export · POST /tenant/import · DELETE /tenant
POST /v1/chat/completions · GET /v1/models · POST /v1/embeddings · GET /metrics
"""
"""The routes of the contract that have an operation. `/mcp`, the sockets and the pages have none: they are no JSON."""
NO_OPERATION = {"/", "/mcp", "/test"}
PUBLIC = {
    ("get", "/health"),
    ("get", "/metrics"),
    *(("post", path) for path in ("/api/signup", "/signup", "/api/login", "/login", "/api/token/refresh")),
}


@cache
def document() -> dict[str, Any]:
    return msgspec.json.decode(COMMITTED.read_bytes())


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of each."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def names() -> set[tuple[str, str]]:
    return {(method.upper(), re.sub(r"\{[^}]*\}", "{}", path)) for path, method, _ in operations()}


def test_the_committed_document_is_what_the_server_says_of_itself() -> None:
    said = as_json(litestar(None, Options()))
    assert COMMITTED.read_bytes() == said, "docs/openapi.json is stale: run python tools/write_openapi.py"


async def test_a_running_server_serves_that_document_to_anybody(client: httpx.AsyncClient) -> None:
    for _ in range(2):  # what is shown once is shown again
        served = await client.get("/schema/openapi.json")
        assert served.status_code == 200
        assert served.json() == document()


async def test_the_page_of_routes_names_each_of_them(client: httpx.AsyncClient) -> None:
    page = await client.get("/schema")
    assert page.headers["content-type"].startswith("text/html")
    assert not [path for path, _, _ in operations() if f"<code>{path}</code>" not in page.text]
    assert "<script" not in page.text


def test_every_route_of_the_contract_is_in_it() -> None:
    wanted = {tuple(each.split(" ")) for each in re.split(r" · |\n", CONTRACT.strip())}
    assert wanted - names() == set()


@pytest.mark.skipif(not DESIGN.is_file(), reason="the design document is not beside this checkout")
def test_the_list_of_this_file_is_that_of_the_design() -> None:
    table = DESIGN.read_text(encoding="utf-8").split("## 7.")[1].split("\nBodies.")[0]
    routes = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE)(?:/(?:GET|POST|PUT|PATCH|DELETE))*) (/[^`\s?…]*)", table)
    wanted = {
        f"{method} {re.sub('{[^}]*}', '{}', path)}"
        for methods, path in routes
        if path not in NO_OPERATION
        for method in methods.split("/")
    }
    assert wanted == set(re.split(r" · |\n", CONTRACT.strip()))


@pytest.mark.parametrize(
    ("path", "method", "operation"), [pytest.param(*each, id=f"{each[1]} {each[0]}") for each in operations()]
)
def test_an_operation_says_what_it_does_and_how_it_fails(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["description"].rstrip().endswith(".")
    assert operation["tags"]
    problems = "application/json" if path.startswith("/v1/") else "application/problem+json"
    failures = {status: each for status, each in operation["responses"].items() if status[0] in "45d"}
    assert {"default", "400", "503"} <= set(failures)
    assert ("401" in failures) or (method, path) in PUBLIC
    for failure in failures.values():
        failure = document()["components"]["responses"][failure["$ref"].rpartition("/")[2]]
        schema = failure["content"][problems]["schema"]["$ref"].rpartition("/")[2]
        assert schema == ("ErrorResponse" if path.startswith("/v1/") else "Problem")
    assert (operation.get("security") == []) == ((method, path) in PUBLIC)
    assert not [name for name in re.findall(r"\{(\w+)\}", path) if name not in named(operation)]


def named(operation: dict[str, Any]) -> set[str]:
    return {each["name"] for each in operation["parameters"]}


def test_operations_can_be_told_apart() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_every_body_has_an_example_that_its_own_type_takes() -> None:
    kinds = {type(each).__name__: type(each) for each in BODIES}
    shown = set[str]()
    for path, method, operation in operations():
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            name = content["schema"]["$ref"].rpartition("/")[2]
            shown.add(name)
            if media_type == "application/json":
                decoded = msgspec.json.decode(msgspec.json.encode(content["example"]), type=kinds[name])
                assert decoded in BODIES, (method, path)
            else:
                assert set(content["example"]) <= set(document()["components"]["schemas"][name]["properties"])
    assert shown == {*kinds, *FORMS}, "an example is of no body"


def test_nothing_refers_to_what_is_not_there() -> None:
    text = COMMITTED.read_text(encoding="utf-8")
    kinds = ("schemas", "responses")
    known = {f"#/components/{kind}/{name}" for kind in kinds for name in document()["components"][kind]}
    assert set(re.findall(r'"\$ref": "([^"]+)"', text)) <= known
