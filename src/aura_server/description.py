"""The API's description: the OpenAPI document, and a page made from it. Both are what this version really does."""

from __future__ import annotations

import json
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router
from litestar.enums import OpenAPIMediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute

from aura_server.callers import PUBLIC
from aura_server.examples import BODIES, FORMS
from aura_server.pages import policy_of
from aura_server.problems import MEDIA_TYPE, Problem
from aura_server.wire.openai import ErrorResponse

_PUBLISHED_WITH_SLASH = frozenset({"/chat", "/documents", "/memory", "/persona"})
"""The framework drops the slash that these end in. Both forms are answered."""

_SAID = {
    "": "What went wrong, and what to do about it.",
    "400": "The request can not be used; `errors` names the fields.",
    "401": "No credential, or one that is not good, or not any more.",
    "402": "The plan has no room.",
    "403": "The caller may not do this.",
    "404": "There is no such thing, or not for this caller.",
    "409": "It collides with what is there.",
    "413": "The body is larger than the route takes.",
    "429": "A limit is reached; `Retry-After` says when it renews.",
    "503": "A part is away; `Retry-After` says when to try again.",
}
"""How requests fail, by status; the first is any other way."""

_REFERENCE = "#/components/schemas/{name}"


def openapi_config() -> OpenAPIConfig:
    """What the framework generates the document from."""
    return OpenAPIConfig(
        title="AURA",
        version=version("aura"),
        description="Every organisation gets its own assistant, with cited answers from its own documents.",
        use_handler_docstrings=True,
        security=[{"bearer": []}],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http", scheme="bearer", description="An access token of POST /api/login, or an API key."
                )
            }
        ),
        openapi_router=Router(
            "/schema", route_handlers=[], opt=PUBLIC, include_in_schema=False, after_request=_with_policy
        ),
        render_plugins=(_Document(), _RoutesPage()),
    )


def as_json(app: Litestar) -> bytes:
    """The whole document, in an order that does not depend on the process."""
    document = described(app.openapi_schema.to_schema(), app)
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def described(document: dict[str, Any], app: Litestar) -> dict[str, Any]:
    """The framework's document with what it can not know: who needs no credential, that every error is one kind of
    problem document, the body that `/chat/stream` reads by itself, and examples.
    """
    public = _public(app)
    document["paths"] = {_as_published(path): methods for path, methods in document["paths"].items()}
    _explain_stream(document["paths"])
    _show_examples(document)
    schemas, problem = _schemas_of(Problem)
    theirs, compatible = _schemas_of(ErrorResponse)
    schemas |= theirs
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    for path, methods in document["paths"].items():
        as_openai = path.startswith("/v1/")
        for method, operation in methods.items():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            anybody = (path, method) in public
            if anybody:
                operation["security"] = []
            responses = operation["responses"]
            for response in responses.values():
                response.pop("headers", None)  # those of files are described as what they are not
            kept = {status: said for status, said in responses.items() if status[0] == "2"}
            failures = {*_failures(path, method, operation, anybody=anybody), *(responses.keys() - kept.keys())}
            form = "Compatible" if as_openai else "Problem"
            named = {status: {"$ref": f"#/components/responses/{form}{status}"} for status in sorted(failures)}
            operation["responses"] = {**kept, **named, "default": {"$ref": f"#/components/responses/{form}"}}
    document["components"]["responses"] = {
        f"{form}{status}": {"description": said, "content": content}
        for form, content in {
            "Problem": {MEDIA_TYPE: {"schema": problem}},
            "Compatible": {"application/json": {"schema": compatible}},
        }.items()
        for status, said in _SAID.items()
    }
    chunks = {"text/event-stream": {"schema": {"type": "string"}}}
    document["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"] |= chunks
    for path in ("/memory/export", "/conversations/{session_id}/export"):
        document["paths"][path]["get"]["responses"]["200"]["content"]["text/html"] = {"schema": {"type": "string"}}
    return document


def _failures(path: str, method: str, operation: dict[str, Any], *, anybody: bool) -> set[str]:
    """The statuses that a request can fail with, as far as its form tells."""
    takes_body = "requestBody" in operation
    found = {"400", "503"}
    if not anybody:
        found |= {"401", "403", "429"}
    if takes_body:
        found |= {"401", "404", "413", "429"}
    if "{" in path or operation.get("parameters"):
        found |= {"404"}
    if method != "get":
        found |= {"402", "409"}
    return found


def _public(app: Litestar) -> set[tuple[str, str]]:
    """The paths and methods that anybody may call."""
    return {
        (_as_published(route.path_format), method.lower())
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.opt.get("exclude_from_auth")
        for method in handler.http_methods
    }


def _explain_stream(paths: dict[str, Any]) -> None:
    operation = paths["/chat/stream"]["post"]
    operation["requestBody"] = {**paths["/chat/"]["post"]["requestBody"], "required": False}
    operation["parameters"] = [
        {
            "in": "header",
            "name": "Last-Event-ID",
            "required": False,
            "schema": {"type": "string"},
            "description": "The id of the last event that came: the answer goes on behind it, and the body is not read.",
        }
    ]


def _show_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bodies = {type(each).__name__: each for each in BODIES}
    for name, body in bodies.items():
        if body.__struct_config__.forbid_unknown_fields:
            schemas[name]["additionalProperties"] = False
    examples = {name: msgspec.to_builtins(body) for name, body in bodies.items()} | FORMS
    for methods in document["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                if name in examples:
                    content["example"] = examples[name]


def _as_published(path: str) -> str:
    return f"{path}/" if path in _PUBLISHED_WITH_SLASH else path


def _schemas_of(kind: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    (reference,), schemas = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return schemas, reference


class _Document(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return self.render_json(request, described(openapi_schema, request.app))


class _RoutesPage(OpenAPIRenderPlugin):
    """One page without scripts."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        rows = "".join(
            _row(path, method, operation)
            for path, methods in sorted(openapi_schema["paths"].items())
            for method, operation in methods.items()
            if isinstance(operation, dict) and "responses" in operation
        )
        return _template().replace("{{routes}}", rows).encode()


def _template() -> str:
    return (files("aura_server") / "static" / "schema.html").read_text(encoding="utf-8")


def _with_policy(response: Response[Any]) -> Response[Any]:
    """The page's own style runs, by its hash, and no script at all."""
    response.headers["Content-Security-Policy"] = policy_of(_template())
    return response


def _row(path: str, method: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {})
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        + (f"<pre>{escape(json.dumps(body, indent=1))}</pre>" if body else "")
        + "</details>"
    )
