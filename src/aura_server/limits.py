"""The caller's quotas, counted before the work, and what is left of them on every answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from aura.platform import Aura
from aura.usage.quotas import Allowance, Charge
from aura_server.callers import caller

_KEY: Final = "charges"
CALL: Final = {_KEY: (Charge.CALL,)}
"""The `opt` of a route that counts against the plan's calls of a month: one that answers, searches or embeds."""
UPLOAD: Final = {_KEY: (Charge.UPLOAD,)}
"""The `opt` of a route that takes files."""


class QuotaMiddleware(ASGIMiddleware):
    """Counts each request of a known caller; behind the middleware that finds out who calls.

    Cost: one transaction, which waits for others of the same organisation.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Refuse what is over a quota, and say what is left."""
        if scope["type"] == "websocket" or scope.get("auth") is None:  # a socket's messages are counted one by one
            await next_app(scope, receive, send)
            return
        charges = cast("tuple[Charge, ...]", scope["route_handler"].opt.get(_KEY, ()))
        aura = cast("Aura", scope["litestar_app"].state.aura)
        allowances = await aura.workspace_of(caller(scope)).quotas.take(Charge.REQUEST, *charges)

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start" and allowances:
                _state(MutableScopeHeaders.from_message(message), allowances, aura)
            await send(message)

        await next_app(scope, receive, send_with_limits)


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
