"""Routes of the contract whose parts are not built yet: each answers 501, to known callers, until its part lands."""

from __future__ import annotations

from litestar import HttpMethod, route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

_VOICE = "voice"

_ROUTES = ((HttpMethod.POST, "/v1/realtime/client_secrets", _VOICE),)


def _unbuilt(method: HttpMethod, path: str, part: str) -> HTTPRouteHandler:
    said = f"{part} is not built yet: this route is reserved for it"

    @route(
        path,
        http_method=method,
        status_code=501,
        tags=[part],
        operation_id=f"{method.value} {path}",
        description=f"{said[0].upper()}{said[1:]}.",
    )
    async def handler() -> None:
        raise HTTPException(status_code=501, detail=said)

    return handler


UNBUILT = tuple(_unbuilt(*each) for each in _ROUTES)
