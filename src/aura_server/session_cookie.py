"""The refresh token of a browser: in a cookie that no script reads, where the page asks for it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.params import HeaderParameter

from aura.access.callers import Login
from aura_server.callers import aura_of
from aura_server.wire.access import LoginResponse

NAME: Final = "aura_session"
_PATH: Final = "/api/token"
_ASKED: Final = (
    "`cookie`: the refresh token is kept in a cookie of the browser and stands in no body. A page of another origin can not"
    " send this header, so it can neither use that cookie nor set it."
)

InCookie = Annotated[Literal["cookie"] | None, HeaderParameter(name="X-Aura-Session", description=_ASKED)]
"""Whether the session's refresh token lives in the cookie."""


def logged_in(
    request: Request[Any, Any, Any], login: Login, kept: InCookie, status_code: int
) -> Response[LoginResponse]:
    """The answer to who has logged in: with `kept`, the refresh token is in the cookie instead of the body."""
    body = LoginResponse.of(login, refresh_token="" if kept else None)
    days = aura_of(request).settings.session_days
    cookies = [_cookie(request, login.refresh_token, days * 86_400)] if kept else []
    return Response(body, status_code=status_code, cookies=cookies)


def shown(request: Request[Any, Any, Any], refresh_token: str, kept: InCookie) -> str:
    """The refresh token that a request shows: in its body, or with `kept` in the cookie; an empty text is none."""
    return refresh_token or (request.cookies.get(NAME, "") if kept else "")


def logged_out(request: Request[Any, Any, Any], kept: InCookie) -> Response[None]:
    """The answer to who has logged out, which takes the cookie away."""
    return Response(None, status_code=204, cookies=[_cookie(request, "", 0)] if kept else [])


def _cookie(request: Request[Any, Any, Any], value: str, seconds: int) -> Cookie:
    secure = request.url.scheme == "https"
    return Cookie(NAME, value=value, path=_PATH, max_age=seconds, httponly=True, samesite="strict", secure=secure)
