"""`/mcp`: search and ask as tools of the Model Context Protocol, with the rights of whoever calls.

Every request has a transport and a protocol server of its own, inside its own task: there are no sessions, any replica
answers, and nothing of one caller is where another's request could meet it. Who calls stands in the request's scope, as
on every other route.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from litestar import Request, asgi
from litestar.exceptions import MethodNotAllowedException
from litestar.types import Receive, Scope, Send
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from aura.errors import AuraError, Denied, InvalidRequest
from aura.usage.quotas import Charge
from aura.workspace import Workspace
from aura_server.callers import aura_of, caller
from aura_server.problems import said, status_of
from aura_server.requests import request_id
from aura_server.wire.documents import PassageResponse, PassagesResponse
from aura_server.wire.mcp import AskArguments, AskResult, SearchArguments, schema_of, search_text

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=msgspec.Struct)
Context = ServerRequestContext[dict[str, object], object]

_INVALID_PARAMS = -32602
_READS_ONLY = ToolAnnotations(read_only_hint=True, open_world_hint=False)
TOOLS = (
    Tool(
        name="search",
        title="Search the documents",
        description="Find the passages of the organisation's documents that fit a query best.",
        input_schema=schema_of(SearchArguments),
        output_schema=schema_of(PassagesResponse),
        annotations=_READS_ONLY,
    ),
    Tool(
        name="ask",
        title="Ask the documents",
        description="Answer a question from the organisation's documents, with a citation for each statement, or refuse.",
        input_schema=schema_of(AskArguments),
        output_schema=schema_of(AskResult),
        annotations=_READS_ONLY,
    ),
)

_NAMES = frozenset(tool.name for tool in TOOLS)


@asgi("/mcp", copy_scope=False)
async def mcp(scope: Scope, receive: Receive, send: Send) -> None:
    """The Model Context Protocol over streamable HTTP."""
    request = Request[Any, Any, Any](scope)
    if request.method != "POST":  # there is no session that a stream could belong to, or that could be ended
        raise MethodNotAllowedException(headers={"Allow": "POST"})
    _refuse_foreign_pages(request)
    manager = StreamableHTTPSessionManager(_server(scope), json_response=True, stateless=True)
    async with manager.run():
        await manager.handle_request(scope, receive, send)  # pyright: ignore[reportArgumentType]


def _refuse_foreign_pages(request: Request[Any, Any, Any]) -> None:
    """The protocol's rule against pages of other sites; which hosts are ours the shell has checked."""
    origin = request.headers.get("origin")
    known = request.app.state.options.cors_origins
    if origin is None or origin in known or "*" in known:
        return
    if urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Denied("pages of this origin may not call the server: AURA_CORS_ORIGINS names those that may")


def _server(scope: Scope) -> Server[dict[str, object]]:
    """The protocol's server for one request."""
    workspace = aura_of(Request[Any, Any, Any](scope)).workspace_of(caller(scope))

    async def list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=list(TOOLS))

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        try:
            return await _called(workspace, params)
        except AuraError as error:
            if status_of(error) >= 500:
                logger.warning("request %s: %s: %s", request_id(scope), type(error).__name__, error)
            return CallToolResult(content=[TextContent(text=said(error))], is_error=True)
        except MCPError:
            raise
        except Exception:  # the edge of the tool: whoever called it hears of it as they do over HTTP
            logger.exception("request %s failed", request_id(scope))
            text = f"an internal error; the server's log has it under the request id {request_id(scope)}"
            return CallToolResult(content=[TextContent(text=text)], is_error=True)

    return Server("aura", version=version("aura"), title="AURA", on_list_tools=list_tools, on_call_tool=call_tool)


async def _called(workspace: Workspace, params: CallToolRequestParams) -> CallToolResult:
    if params.name not in _NAMES:
        raise MCPError(_INVALID_PARAMS, f"there is no tool {params.name[:40]!r}")
    await workspace.quotas.take(Charge.CALL)
    if params.name == "search":
        search = _read(SearchArguments, params)
        found = await workspace.search(search.query, limit=search.limit, collection=search.collection)
        passages = PassagesResponse(items=tuple(PassageResponse.of(each) for each in found))
        return _result(passages, search_text(passages))
    ask = _read(AskArguments, params)
    answer = await workspace.ask(ask.question, collection=ask.collection)
    return _result(AskResult.of(answer), str(answer))


def _read(kind: type[T], params: CallToolRequestParams) -> T:
    try:
        return msgspec.convert(params.arguments or {}, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the tool {params.name!r} does not take these arguments: {error}") from None


def _result(structured: msgspec.Struct, text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], structured_content=msgspec.to_builtins(structured))


HANDLERS = (mcp,)
