"""What every request has: an id that its answer, its problems and the log name, and the address it came from."""

from __future__ import annotations

import re
from typing import cast
from uuid import UUID, uuid4

import msgspec
from litestar.types import Scope

from aura.access.callers import Caller

HEADER = "X-Request-ID"
_KEY = "aura_request_id"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_USABLE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was answered, as logs, measures and traces know it.

    `route` is the template, never the path: that has ids. Its status is 0 where the client went before there was one.
    """

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    tenant_id: UUID | None


def begin(scope: Scope) -> str:
    """Give the request its id, if it has none: the caller's `X-Request-ID` where it can be used, a new one otherwise."""
    if known := request_id(scope):
        return known
    sent = next((value for name, value in scope["headers"] if name.lower() == HEADER.lower().encode()), b"")
    found = sent.decode() if _USABLE.fullmatch(sent) else str(uuid4())
    cast("dict[str, object]", scope)[_KEY] = found
    return found


def request_id(scope: Scope) -> str:
    """The id that `begin` gave."""
    return str(cast("dict[str, object]", scope).get(_KEY, ""))


def address(scope: Scope) -> str:
    """The client's address, as the server sees it; behind a proxy that `AURA_TRUSTED_PROXIES` names, what it says."""
    client = scope.get("client")
    return client[0] if client else ""


def method_of(scope: Scope) -> str:
    """The method, `WEBSOCKET`, or `OTHER` for one that a client made up."""
    if scope["type"] == "websocket":
        return "WEBSOCKET"
    method = cast("dict[str, object]", scope).get("method")
    return str(method) if method in _METHODS else "OTHER"


def route_of(scope: Scope) -> str:
    """The template of the route, or `none` where no route was found."""
    return str(cast("dict[str, object]", scope).get("path_template") or "none")


def tenant_of(scope: Scope) -> UUID | None:
    """The organisation of the caller, where one is known."""
    found = cast("dict[str, object]", scope).get("auth")
    return None if found is None else cast("Caller", found).organisation.id
