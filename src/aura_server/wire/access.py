"""Signing up, logging in, and staying logged in."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from aura.access.callers import Login, Ticket
from aura_server.wire.common import Secretive


class SignupRequest(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new organisation and its first admin."""

    organization_name: str
    subdomain: str
    admin_email: str
    password: str
    name: str = ""


class LoginRequest(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tenant_subdomain` may be left out where the host is the organisation's own sub-domain."""

    email: str
    password: str
    tenant_subdomain: str = ""


class RefreshRequest(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refresh token works once."""

    refresh_token: str


class PasswordRequest(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changing one's own password ends every session."""

    old_password: str
    new_password: str


class LoginResponse(Secretive, frozen=True, kw_only=True):
    """Who is logged in, and the tokens that prove it. `expires_in`: seconds that the access token lasts.

    `refresh_token` is empty where it is in the cookie.
    """

    access_token: str
    token_type: Literal["bearer"]
    user_id: UUID
    tenant_id: UUID
    organization: str
    role: str
    refresh_token: str
    expires_in: int

    @classmethod
    def of(cls, login: Login, *, refresh_token: str | None = None) -> LoginResponse:
        """`login` on the wire; `refresh_token` is what to show instead of its own."""
        return cls(
            access_token=login.access_token,
            token_type="bearer",
            user_id=login.user.id,
            tenant_id=login.organisation.id,
            organization=login.organisation.organization_name,
            role=login.user.role.value,
            refresh_token=login.refresh_token if refresh_token is None else refresh_token,
            expires_in=login.expires_in_seconds,
        )


class TicketResponse(Secretive, frozen=True, kw_only=True):
    """Good once, as `?token=` of a WebSocket or an event source. `expires_in`: seconds."""

    ticket: str
    expires_in: int

    @classmethod
    def of(cls, ticket: Ticket) -> TicketResponse:
        """`ticket` on the wire."""
        return cls(ticket=ticket.ticket, expires_in=ticket.expires_in_seconds)
