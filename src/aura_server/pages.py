"""The pages that people open: the web interface or what to do to get it, and the test page."""

from __future__ import annotations

import base64
from hashlib import sha256
from importlib.resources import files
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.params import FromPath

from aura.errors import NotFound
from aura_server.callers import PUBLIC
from aura_server.web_app import CLIENT_ROUTES, ROOT_FILES, WebApp, sent

_STATIC = files("aura_server") / "static"


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def policy_of(page: str) -> str:
    """A policy under which just the page's own script and style run, by their hashes."""
    allowed = {tag: _hash(page, tag) for tag in ("script", "style")}
    return (
        f"default-src 'none'; script-src {allowed['script']}; style-src {allowed['style']}; connect-src 'self';"
        " media-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(page: str, tag: str) -> str:
    if f"<{tag}>" not in page:
        return "'none'"
    inside = page.split(f"<{tag}>", 1)[1].split(f"</{tag}>", 1)[0]
    return f"'sha256-{base64.b64encode(sha256(inside.encode()).digest()).decode()}'"


def _page(html: str, *, status_code: int = 200) -> Response[str]:
    headers = {"Content-Security-Policy": policy_of(html)}
    return Response(html, status_code=status_code, media_type=MediaType.HTML, headers=headers)


def _web_app(request: Request[Any, Any, Any]) -> WebApp:
    return request.app.state.web_app


@get("/", opt=PUBLIC, include_in_schema=False)
async def index(request: Request[Any, Any, Any]) -> Response[Any]:
    """The web interface, or what to do to get it."""
    page = _web_app(request).page()
    return _page(_read("unbuilt.html")) if page is None else await sent(request, page)


@get(
    [f"/{each}" for each in CLIENT_ROUTES] + [f"/{each}/{{rest:path}}" for each in CLIENT_ROUTES],
    opt=PUBLIC,
    include_in_schema=False,
)
async def place(request: Request[Any, Any, Any]) -> Response[Any]:
    """A place inside the web interface, which reads the address itself."""
    page = _web_app(request).page()
    return _page(_read("unbuilt.html")) if page is None else await sent(request, page)


@get("/assets/{name:path}", opt=PUBLIC, include_in_schema=False)
async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A script, style, font or picture of the web interface, to be kept for good: its name changes with its content."""
    return await _file(request, f"assets{name}")


@get([f"/{each}" for each in ROOT_FILES], opt=PUBLIC, include_in_schema=False)
async def root_file(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What browsers look for beside the page."""
    return await _file(request, request.url.path.removeprefix("/"))


async def _file(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    found = _web_app(request).named(name)
    if found is None:
        raise NotFound("there is no such file")
    return await sent(request, found)


@get("/test", opt=PUBLIC, include_in_schema=False, sync_to_thread=False)
def test_page() -> Response[str]:
    """A page that exercises health, login, chat, speech and the dashboard of the running server."""
    return _page(_read("test.html"))


HANDLERS = (index, place, asset, root_file, test_page)
