"""Every error as one shape: `application/problem+json` (RFC 9457), with the id of the request, and nothing internal."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from aura.errors import (
    AuraError,
    BackendError,
    Conflict,
    Denied,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from aura_server.limits import rate_limit
from aura_server.requests import request_id
from aura_server.web_app import WebApp, reads_pages
from aura_server.wire.openai import ErrorResponse

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
PLAN_LIMITS = frozenset({"max_users", "max_storage_gb"})
"""Limits that waiting does not renew: a larger plan does (402)."""

_STATUS: Mapping[type[AuraError], int] = {
    InvalidRequest: 400,
    Unauthenticated: 401,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    LimitExceeded: 429,
    BackendError: 502,
    Unavailable: 503,
}
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a request that can not be used. `field` is its path, as `scopes[0].verb`."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, and what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: tuple[FieldError, ...] = ()
    limit: str | None = None
    remaining: int | None = None
    renews_at: str | None = None


def status_of(error: AuraError) -> int:
    """The HTTP status that says what `error` says."""
    if isinstance(error, LimitExceeded) and error.limit in PLAN_LIMITS:
        return 402
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def said(error: AuraError) -> str:
    """What a caller is told of `error`."""
    if isinstance(error, BackendError):
        return "a part that this request needs gave a wrong answer; trying again may help"
    return str(error)


def problem(request: Request[Any, Any, Any], status: int, detail: str, errors: tuple[FieldError, ...] = ()) -> Problem:
    """The problem document of `status`."""
    title = _REASONS.get(status, "Error")
    return Problem(
        type=f"urn:aura:{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail,
        request_id=request_id(request.scope),
        errors=errors,
    )


def aura_error(request: Request[Any, Any, Any], error: AuraError) -> Response[Problem | ErrorResponse]:
    """What the library refused."""
    status = status_of(error)
    if status >= 500:
        logger.warning("request %s: %s: %s", request_id(request.scope), type(error).__name__, error)
    errors = ()
    if isinstance(error, InvalidRequest) and error.field:
        errors = (FieldError(field=error.field, message=str(error)),)
    document = problem(request, status, said(error), errors)
    if isinstance(error, LimitExceeded):
        renews_at = None if error.renews_at is None else error.renews_at.isoformat()
        document = msgspec.structs.replace(document, limit=error.limit, remaining=error.remaining, renews_at=renews_at)
    return _response(request, document, _headers(request, error))


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework refused: no such route, a body that does not parse, a method that is not there."""
    if error.detail == _LEFT:
        logger.info("request %s was left before its body had come", request_id(request.scope))
        return _response(request, problem(request, 408, _PLAIN[408]))
    if error.status_code >= 500 and error.status_code != 501:  # 501 is said on purpose
        return unexpected(request, error)
    headers = {
        key: value
        for key, value in (error.headers or {}).items()
        if key.lower() in ("allow", "connection", "retry-after")
    }
    if isinstance(error, ValidationException):
        errors = tuple(_field_errors(error))
        return _response(
            request, problem(request, 400, "the request does not have the form that this route takes", errors)
        )
    document = problem(request, error.status_code, _PLAIN.get(error.status_code, error.detail))
    return _page_instead(request, error.status_code) or _response(request, document, headers)


def _page_instead(request: Request[Any, Any, Any], status: int) -> Response[bytes] | None:
    """The web interface, which says that there is no such page and leads back, for a browser at an address where there is
    nothing to be read. None for programs, under the address of OpenAI's API, and where the interface is not built.
    """
    web_app: WebApp = request.app.state.web_app
    page = web_app.instead()
    if page is None or status not in (404, 405) or request.url.path.startswith("/v1/") or not reads_pages(request):
        return None
    return Response(page, status_code=404, media_type="text/html", headers={"Vary": "Accept"})


def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem | ErrorResponse]:
    """What nobody foresaw. The log has it with the request's id; the caller gets the id alone."""
    logger.error("request %s failed", request_id(request.scope), exc_info=error)
    return _response(request, problem(request, 500, "an internal error; the server's log has it under this request_id"))


def unreadable(
    request: Request[Any, Any, Any], error: UnicodeDecodeError | RecursionError
) -> Response[Problem | ErrorResponse]:
    """A body that is no UTF-8, or a thousand brackets deep: msgspec and the framework let these errors through, where other
    bad JSON is their own.
    """
    logger.warning("request %s: the body can not be read (%s)", request_id(request.scope), type(error).__name__)
    return _response(request, problem(request, 400, _PLAIN[400]))


EXCEPTION_HANDLERS = {
    AuraError: aura_error,
    HTTPException: http_error,
    UnicodeDecodeError: unreadable,
    RecursionError: unreadable,
    Exception: unexpected,
}
_LEFT = "client disconnected prematurely"
"""What Litestar says, as an error of its own, when nobody is there any more to be answered."""
_NAMED_FIELD = re.compile(r"(?:missing required|contains unknown) field `([^`]+)`")

_PLAIN = {
    400: "the request can not be read: send the form that the API's description names",
    404: "there is no such route",
    405: "this route does not take this method",
    408: "the body came too slowly",
    413: "the body is larger than this route takes",
    415: "this route does not take this content type",
}


def _headers(request: Request[Any, Any, Any], error: AuraError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(max(1, round(error.retry_after_seconds)))}
    if isinstance(error, LimitExceeded) and error.renews_at is not None:
        seconds = (error.renews_at - request.app.state.aura.clock.now()).total_seconds()
        retry = {"Retry-After": str(max(1, round(seconds)))}
        return retry if error.maximum is None else retry | rate_limit(error.maximum, error.remaining, seconds)
    return {}


def _field_errors(error: ValidationException) -> list[FieldError]:
    found = error.extra if isinstance(error.extra, list) else []
    return [
        FieldError(field=_path(str(each.get("key", "")), message), message=message)
        for each in found
        if isinstance(each, dict)
        for message in (str(each.get("message", "")),)
    ]


def _path(key: str, message: str) -> str:
    """Where the field is. Of one that is missing, or too much, the framework names what should hold it alone."""
    named = _NAMED_FIELD.search(message)
    if named is None:
        return key
    holder = "" if key == "data" else key
    return f"{holder}.{named[1]}" if holder else named[1]


def written(path: str, document: Problem) -> tuple[Problem | ErrorResponse, str]:
    """`document` in the form that callers of `path` read, and its media type: under `/v1` that is OpenAI's."""
    if not path.startswith("/v1/"):
        return document, MEDIA_TYPE
    param = document.errors[0].field if document.errors else None
    message = document.errors[0].message if document.errors else document.detail
    return ErrorResponse.of(document.status, message, param=param), "application/json"


def _response(
    request: Request[Any, Any, Any], document: Problem, headers: Mapping[str, str] | None = None
) -> Response[Problem | ErrorResponse]:
    body, media_type = written(request.scope["path"], document)
    return Response(body, status_code=document.status, media_type=media_type, headers=dict(headers or {}))
