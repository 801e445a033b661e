"""Signing up, logging in, and staying logged in."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from aura.access.callers import Caller
from aura.platform import Aura
from aura.usage.audit import Action
from aura_server.auditing import Record, record_login
from aura_server.callers import PUBLIC, subdomain_of
from aura_server.guards import open_for_newcomers
from aura_server.requests import address, request_id
from aura_server.session_cookie import InCookie, logged_in, logged_out, shown
from aura_server.wire.access import (
    LoginRequest,
    LoginResponse,
    PasswordRequest,
    RefreshRequest,
    SignupRequest,
    TicketResponse,
)


@post(["/api/signup", "/signup"], opt=PUBLIC, guards=[open_for_newcomers], tags=["public"])
async def signup(
    data: JSONBody[SignupRequest], aura: NamedDependency[Aura], request: Request[Any, Any, Any], kept: InCookie = None
) -> Response[LoginResponse]:
    """Create an organisation with its first admin, who is logged in by it."""
    workspace = await aura.tenants.create(
        organization_name=data.organization_name,
        subdomain=data.subdomain,
        admin_email=data.admin_email,
        password=data.password,
        name=data.name,
    )
    admin = await workspace.users.by_email(data.admin_email)
    login = await aura.access.open_session(workspace.organisation, admin)
    await record_login(request, login, Action.SIGNED_UP)
    return logged_in(request, login, kept, 201)


@post(["/api/login", "/login"], status_code=200, opt=PUBLIC, tags=["public"])
async def login(
    data: JSONBody[LoginRequest], aura: NamedDependency[Aura], request: Request[Any, Any, Any], kept: InCookie = None
) -> Response[LoginResponse]:
    """Log in to the organisation that `tenant_subdomain`, or the host, names."""
    subdomain = data.tenant_subdomain or subdomain_of(request) or ""
    found = await aura.access.login(
        subdomain, data.email, data.password, address=address(request.scope), request_id=request_id(request.scope)
    )
    await record_login(request, found)
    return logged_in(request, found, kept, 200)


@post("/api/token/refresh", status_code=200, opt=PUBLIC, tags=["public"])
async def refresh(
    data: JSONBody[RefreshRequest], aura: NamedDependency[Aura], request: Request[Any, Any, Any], kept: InCookie = None
) -> Response[LoginResponse]:
    """Exchange a refresh token, once, for a new access token and the next refresh token."""
    token = shown(request, data.refresh_token, kept)
    login = await aura.access.refresh(token, subdomain=subdomain_of(request))
    return logged_in(request, login, kept, 200)


@post("/api/logout", status_code=204, tags=["public"])
async def logout(
    caller: NamedDependency[Caller],
    aura: NamedDependency[Aura],
    record: NamedDependency[Record],
    request: Request[Any, Any, Any],
    kept: InCookie = None,
) -> Response[None]:
    """End the session: its access token and its refresh token are refused from now on."""
    await aura.access.logout(caller)
    await record(Action.LOGOUT)
    return logged_out(request, kept)


@post("/api/password", status_code=204, tags=["public"])
async def change_password(
    data: JSONBody[PasswordRequest],
    caller: NamedDependency[Caller],
    aura: NamedDependency[Aura],
    record: NamedDependency[Record],
) -> None:
    """Change one's own password. It ends every session of the user."""
    await aura.access.change_password(caller, data.old_password, data.new_password)
    await record(Action.PASSWORD_CHANGED)


@post("/api/ticket", status_code=201, tags=["public"])
async def ticket(caller: NamedDependency[Caller], aura: NamedDependency[Aura]) -> TicketResponse:
    """A ticket that opens one WebSocket or event source within a minute, so that no token stands in an address."""
    return TicketResponse.of(await aura.access.ticket(caller))


HANDLERS = (signup, login, refresh, logout, change_password, ticket)
