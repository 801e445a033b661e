"""Who calls: the credential of a request becomes a `Caller`, and the caller a workspace. The library decides both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import Scope

from aura.access.access import Access, Charging
from aura.access.callers import Caller
from aura.access.credentials import Kind
from aura.errors import Unauthenticated
from aura.platform import Aura
from aura.workspace import Workspace
from aura_server.limits import count

PUBLIC = {"exclude_from_auth": True}
"""The `opt` of a route that anybody may call."""

TENANT_HEADER = "X-Aura-Tenant"
"""Names the organisation that another service acts for, with `INTERNAL_API_KEY` as its credential."""

_TICKETS: Final = "takes_tickets"
TICKETS: Final = {_TICKETS: True}
"""The `opt` of a route that an `EventSource` opens, which can send no header: it takes `?token=` as well."""

_MISSING = "send a credential: Authorization: Bearer, with an access token of POST /api/login or an API key"


class CallerMiddleware(AbstractAuthenticationMiddleware):
    """Finds out who calls, on every route that is not `PUBLIC`, and counts the request. Cost: one transaction."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller of a request. Raises `Unauthenticated`, or `LimitExceeded` where a quota has no room for it."""
        scope = connection.scope
        token = connection.query_params.get("token") if scope["route_handler"].opt.get(_TICKETS) else None
        if token is not None:
            found = await holder_of(connection, token)
        elif scope["type"] == ScopeType.HTTP:
            found = await caller_of(connection, partial(count, scope))
        else:
            found = await caller_of(connection)
        return AuthenticationResult(user=found.user, auth=found)


async def caller_of(connection: ASGIConnection[Any, Any, Any, Any], charging: Charging | None = None) -> Caller:
    """Who sent `connection`'s headers. `charging` is as for `Access.authenticate`; it does not count a service's request.

    Raises:
        Unauthenticated: nobody whom AURA knows.
        LimitExceeded: as `charging` does.
    """
    credential = _credential(connection)
    access: Access = aura_of(connection).access
    tenant = connection.headers.get(TENANT_HEADER)
    if tenant is not None:
        return await access.service(tenant, credential)
    return await access.authenticate(credential, subdomain=subdomain_of(connection), charging=charging)


async def holder_of(connection: ASGIConnection[Any, Any, Any, Any], token: str) -> Caller:
    """Whose `token` this is: a ticket, which is used up by it, or an access token.

    Raises:
        Unauthenticated: it is not good, or is an API key, which shall stand in no address.
    """
    access, subdomain = aura_of(connection).access, subdomain_of(connection)
    if token.startswith(Kind.TICKET):
        return await access.redeem(token, subdomain=subdomain)
    if token.startswith(Kind.API_KEY):
        raise Unauthenticated("an API key shall not stand in an address: exchange it at POST /api/ticket for a ticket")
    return await access.authenticate(token, subdomain=subdomain)


def still_let_in(connection: ASGIConnection[Any, Any, Any, Any]) -> Callable[[], Awaitable[bool]]:
    """Asks whether the caller of a stream that goes on for long is let in as of now, and may do as much as before."""
    access, opened = aura_of(connection).access, caller(connection.scope)

    async def ask() -> bool:
        try:
            now = await access.again(opened)
        except Unauthenticated:
            return False
        same_role = (now.user and now.user.role) == (opened.user and opened.user.role)
        return same_role and now.grant == opened.grant

    return ask


def require_operator(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse whoever does not show `INTERNAL_API_KEY`. Raises `Unauthenticated`."""
    aura_of(connection).access.require_operator(_credential(connection))


def _credential(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthenticated(_MISSING)
    return credential.strip()


def subdomain_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The organisation that the host names, where it is a sub-domain of `AURA_BASE_DOMAIN`."""
    base: str | None = aura_of(connection).settings.base_domain
    host = connection.headers.get("host", "").partition(":")[0].lower()
    if not base or not host.endswith(f".{base}"):
        return None
    return host.removesuffix(f".{base}")


def aura_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Aura:
    """The platform that this application serves."""
    return cast("Aura", connection.app.state.aura)


def caller(scope: Scope) -> Caller:
    """The caller of a request whose route is not public."""
    return cast("Caller", scope["auth"])


def provide_aura(request: Request[Any, Any, Any]) -> Aura:
    """The dependency `aura`."""
    return aura_of(request)


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """The dependency `caller`."""
    return caller(request.scope)


def provide_workspace(request: Request[Any, Any, Any]) -> Workspace:
    """The dependency `workspace`: what the caller can do. Costs nothing."""
    return aura_of(request).workspace_of(caller(request.scope))
