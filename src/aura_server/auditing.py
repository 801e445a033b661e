"""What a route did, written into the organisation's audit: the action and the id, with who called and from where."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection

from aura.access.callers import Caller, Login
from aura.usage.audit import Action, Actor, Detail, Target
from aura_server.callers import aura_of, caller
from aura_server.requests import address, request_id


class Record:
    """Records what the caller of one request did."""

    def __init__(self, request: ASGIConnection[Any, Any, Any, Any]) -> None:
        self._request = request

    async def __call__(self, action: Action, kind: str = "", id: UUID | str = "", **details: Detail) -> None:
        """Add a row to the audit of the caller's organisation. Cost: one transaction."""
        found = caller(self._request.scope)
        await (
            aura_of(self._request)
            .workspace_of(found)
            .audit.record(
                actor_of(found),
                action,
                Target(kind=kind, id=id),
                address=address(self._request.scope),
                request_id=request_id(self._request.scope),
                details=details,
            )
        )


def actor_of(found: Caller) -> Actor:
    """The caller, as the audit names actors."""
    if found.api_key is not None:
        return Actor(kind="key", id=found.api_key.id)
    kind: Literal["user", "service"] = "service" if found.user is None else "user"
    return Actor(kind=kind, id=None if found.user is None else found.user.id)


async def record_login(
    request: ASGIConnection[Any, Any, Any, Any], login: Login, action: Action = Action.LOGIN
) -> None:
    """Add what a login did to the audit of its organisation: the request itself had no caller yet."""
    workspace = aura_of(request).workspace_of(Caller(organisation=login.organisation, user=login.user))
    actor = Actor(kind="user", id=login.user.id)
    origin = address(request.scope)
    await workspace.audit.record(actor, action, address=origin, request_id=request_id(request.scope))


def provide_record(request: Request[Any, Any, Any]) -> Record:
    """The dependency `record`."""
    return Record(request)
