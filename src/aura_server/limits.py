"""The caller's quotas, counted before the work, and what is left of them on every answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.access.callers import Caller
from aura.platform import Aura
from aura.usage.quotas import Allowance, Charge

_KEY: Final = "charges"
_COUNTED: Final = "allowances"
CALL: Final = {_KEY: (Charge.CALL,)}
"""The `opt` of a route that counts against the plan's calls of a month: one that answers, searches or embeds."""
UPLOAD: Final = {_KEY: (Charge.UPLOAD,)}
"""The `opt` of a route that takes files."""


class QuotaMiddleware(ASGIMiddleware):
    """Says what is left on every answer to a known caller; behind the middleware that finds out who calls, and counts.

    Cost: nothing; one transaction for a caller who was found without one, by a ticket or the operator's key.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Refuse what is over a quota, and say what is left."""
        if scope["type"] == "websocket" or scope.get("auth") is None:  # a socket's messages are counted one by one
            await next_app(scope, receive, send)
            return
        if _COUNTED not in scope["state"]:
            await count(scope, cast("Caller", scope["auth"]))
        aura, allowances = _aura(scope), cast("Sequence[Allowance]", scope["state"][_COUNTED])

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start" and allowances:
                _state(MutableScopeHeaders.from_message(message), allowances, aura)
            await send(message)

        await next_app(scope, receive, send_with_limits)


async def count(scope: Scope, caller: Caller, connection: AsyncConnection | None = None) -> None:
    """Count a request on its caller's quotas, once; in the transaction of `connection` if there is one.

    Raises:
        LimitExceeded: one of them has no room; nothing is counted then.
    """
    charges = cast("tuple[Charge, ...]", scope["route_handler"].opt.get(_KEY, ()))
    quotas = _aura(scope).workspace_of(caller).quotas
    scope["state"][_COUNTED] = await quotas.take(Charge.REQUEST, *charges, connection=connection)


def _aura(scope: Scope) -> Aura:
    return cast("Aura", scope["litestar_app"].state.aura)


def rate_limit(maximum: int, remaining: int, seconds: float | None) -> dict[str, str]:
    """The headers that say where a quota stands, as the draft of the HTTP working group on rate limits names them.

    `seconds`: until it begins anew; None where it does not.
    """
    headers = {"RateLimit-Limit": str(maximum), "RateLimit-Remaining": str(remaining)}
    return headers if seconds is None else headers | {"RateLimit-Reset": str(max(0, round(seconds)))}


def _state(headers: MutableScopeHeaders, allowances: Sequence[Allowance], aura: Aura) -> None:
    """The quota with the least left."""
    least = allowances[0]
    seconds = None if least.renews_at is None else (least.renews_at - aura.clock.now()).total_seconds()
    headers.update(rate_limit(least.maximum, least.remaining, seconds))
