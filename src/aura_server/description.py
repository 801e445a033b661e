"""The API's description: the OpenAPI document, and a page made from it. Both are what this version really does."""

from __future__ import annotations

import json
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Request, Router
from litestar.enums import OpenAPIMediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from aura_server.callers import PUBLIC
from aura_server.problems import MEDIA_TYPE, Problem
from aura_server.wire.openai import ErrorResponse

_PUBLISHED_WITH_SLASH = frozenset({"/chat", "/documents", "/memory", "/persona"})
"""The framework drops the slash that these end in. Both forms are answered."""

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
        openapi_router=Router("/schema", route_handlers=[], opt=PUBLIC, include_in_schema=False),
        render_plugins=(_Document(), _RoutesPage()),
    )


def described(document: dict[str, Any]) -> dict[str, Any]:
    """The framework's document with what it can not know: that every error is one kind of problem document."""
    document["paths"] = {_as_published(path): methods for path, methods in document["paths"].items()}
    schemas, problem = _schemas_of(Problem)
    theirs, compatible = _schemas_of(ErrorResponse)
    schemas |= theirs
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    for path, methods in document["paths"].items():
        as_openai = path.startswith("/v1/")
        content = {"application/json": {"schema": compatible}} if as_openai else {MEDIA_TYPE: {"schema": problem}}
        for operation in methods.values():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            responses = operation["responses"]
            for status in [status for status in responses if status[0] in "45"]:
                responses[status] = {"description": responses[status]["description"], "content": content}
            responses["default"] = {"description": "What went wrong, and what to do about it.", "content": content}
    chunks = {"text/event-stream": {"schema": {"type": "string"}}}
    document["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"] |= chunks
    return document


def _as_published(path: str) -> str:
    return f"{path}/" if path in _PUBLISHED_WITH_SLASH else path


def _schemas_of(kind: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    (reference,), schemas = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return schemas, reference


class _Document(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return self.render_json(request, described(openapi_schema))


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
        page = (files("aura_server") / "static" / "schema.html").read_text(encoding="utf-8")
        return page.replace("{{routes}}", rows).encode()


def _row(path: str, method: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {})
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        + (f"<pre>{escape(json.dumps(body, indent=1))}</pre>" if body else "")
        + "</details>"
    )
