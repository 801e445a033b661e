"""The pages that people open: the web interface or what to do to get it, and the test page."""

from __future__ import annotations

import base64
from hashlib import sha256
from importlib.resources import files

from litestar import MediaType, Response, get

from aura_server.callers import PUBLIC

_STATIC = files("aura_server") / "static"


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _policy(page: str) -> str:
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
    headers = {"Content-Security-Policy": _policy(html)}
    return Response(html, status_code=status_code, media_type=MediaType.HTML, headers=headers)


@get("/", opt=PUBLIC, include_in_schema=False, sync_to_thread=False)
def index() -> Response[str]:
    """The web interface, or what to do to get it."""
    return _page(_read("unbuilt.html"))


@get("/test", opt=PUBLIC, include_in_schema=False, sync_to_thread=False)
def test_page() -> Response[str]:
    """A page that exercises health, login, chat, speech and the dashboard of the running server."""
    return _page(_read("test.html"))


HANDLERS = (index, test_page)
