"""What comes before a route reads a body: what is refused without it, and in which form it may be."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.handlers.base import BaseRouteHandler

from aura.errors import Denied
from aura_server.callers import aura_of, caller


async def room_for_upload(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse an upload that the caller may not make, or that the plan's storage has no room for.

    Raises:
        Denied, LimitExceeded
    """
    workspace = aura_of(connection).workspace_of(caller(connection.scope))
    stated = connection.headers.get("content-length", "0")
    await workspace.documents.ensure_room(int(stated) if stated.isdecimal() else 0)


def admins_alone(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse who is not an admin, or a key that was not given the verb. Raises `Denied`."""
    aura_of(connection).workspace_of(caller(connection.scope)).require_admin("import an organisation")


def open_for_newcomers(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse to make an organisation where `AURA_SIGNUP` leaves that to the operator. Raises `Denied`."""
    if aura_of(connection).settings.signup == "closed":
        raise Denied("this server makes no organisations by itself: ask its operator, who has `aura tenant create`")


async def takes_any_form(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Read a form by its own content type, multipart or not, before the framework reads it as the one that is described."""
    if isinstance(connection, Request):
        await connection.form()
