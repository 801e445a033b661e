"""What goes wrong with a model's call, what may be done about it, and what it says about the route.

A fault is read from a vendor's exception by its HTTP status, its code and its name, never by its message, which can hold a
part of the prompt or the key.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, cast

import msgspec

from aura.errors import AuraError, BackendError, InvalidRequest, LimitExceeded, Unavailable


class FaultKind(StrEnum):
    """Everything that a call can fail of."""

    CONNECT = "connect"
    FIRST_TOKEN = "first_token"
    STALL = "stall"
    TOTAL = "total"
    SERVER = "server"
    RATE_LIMITED = "rate_limited"
    CREDENTIAL = "credential"
    NO_SUCH_MODEL = "no_such_model"
    REQUEST = "request"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    EMPTY = "empty"
    CUT = "cut"
    BROKEN = "broken"
    IN_BAND = "in_band"
    UNKNOWN = "unknown"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One failure of one call.

    Attributes:
        retry_after_seconds: what the provider asks for, or None.
        described: the exception's name and status, without anything of its message.
    """

    kind: FaultKind
    retry_after_seconds: float | None = None
    described: str = ""

    @property
    def final(self) -> bool:
        """Whether another model would be no answer to it: the request is at fault, or the time is over."""
        return self.kind in _FINAL

    @property
    def repeatable(self) -> bool:
        """Whether the same route may be tried once more. One that was silent is not."""
        return self.kind in _REPEATABLE

    @property
    def unhealthy(self) -> bool:
        """Whether it counts against the route. A rate limit does not, nor does what the request is to blame for."""
        return self.kind in _UNHEALTHY


class Interrupted(Unavailable):
    """A model failed in the middle of its text, and nobody else's text can go on from there.

    `partial_text` is what had been said.
    """

    def __init__(self, message: str, *, partial_text: str) -> None:
        super().__init__(message)
        self.partial_text = partial_text


class StreamFault(Exception):
    """A stream that ended wrongly without an exception of its vendor's; inside the router only."""

    def __init__(self, kind: FaultKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


_FINAL: Final = frozenset({FaultKind.REQUEST, FaultKind.CONTENT_FILTER, FaultKind.TOTAL})
_REPEATABLE: Final = frozenset(
    {FaultKind.CONNECT, FaultKind.SERVER, FaultKind.EMPTY, FaultKind.CUT, FaultKind.BROKEN, FaultKind.IN_BAND}
)
_UNHEALTHY: Final = _REPEATABLE | {FaultKind.FIRST_TOKEN, FaultKind.STALL, FaultKind.UNKNOWN}

_BY_NAME: Final = {
    "APIConnectionError": FaultKind.CONNECT,
    "APITimeoutError": FaultKind.FIRST_TOKEN,
    "APIResponseValidationError": FaultKind.BROKEN,
    "APIRemovedInV1": FaultKind.REQUEST,
    "APIError": FaultKind.IN_BAND,
    "APIStatusError": FaultKind.SERVER,
    "AuthenticationError": FaultKind.CREDENTIAL,
    "BadRequestError": FaultKind.REQUEST,
    "ConflictError": FaultKind.SERVER,
    "ContentFilterFinishReasonError": FaultKind.CONTENT_FILTER,
    "InternalServerError": FaultKind.SERVER,
    "LengthFinishReasonError": FaultKind.REQUEST,
    "MutuallyExclusiveAuthError": FaultKind.CREDENTIAL,
    "NotFoundError": FaultKind.NO_SUCH_MODEL,
    "OAuthError": FaultKind.CREDENTIAL,
    "OpenAIError": FaultKind.UNKNOWN,
    "PermissionDeniedError": FaultKind.CREDENTIAL,
    "RateLimitError": FaultKind.RATE_LIMITED,
    "StreamAlreadyConsumed": FaultKind.BROKEN,
    "SubjectTokenProviderError": FaultKind.CREDENTIAL,
    "UnprocessableEntityError": FaultKind.REQUEST,
    "WebSocketConnectionClosedError": FaultKind.BROKEN,
    "WebSocketQueueFullError": FaultKind.BROKEN,
    "_AmbiguousModuleClientUsageError": FaultKind.CREDENTIAL,
    "ConnectError": FaultKind.CONNECT,
    "ConnectTimeout": FaultKind.CONNECT,
    "PoolTimeout": FaultKind.CONNECT,
    "ReadTimeout": FaultKind.STALL,
    "WriteTimeout": FaultKind.STALL,
    "ReadError": FaultKind.BROKEN,
    "WriteError": FaultKind.BROKEN,
    "RemoteProtocolError": FaultKind.BROKEN,
    "DecodingError": FaultKind.BROKEN,
    "ConnectionClosedError": FaultKind.BROKEN,
    "ConnectionClosedOK": FaultKind.CUT,
    "InvalidHandshake": FaultKind.CONNECT,
    "InvalidMessage": FaultKind.CONNECT,
}
KNOWN_ERRORS: Final = frozenset(_BY_NAME)
"""The names of vendors' exceptions that `fault_of` knows; a test holds it against the installed package."""

_BY_STATUS: Final = {
    400: FaultKind.REQUEST,
    401: FaultKind.CREDENTIAL,
    402: FaultKind.CREDENTIAL,
    403: FaultKind.CREDENTIAL,
    404: FaultKind.NO_SUCH_MODEL,
    408: FaultKind.SERVER,
    409: FaultKind.SERVER,
    413: FaultKind.CONTEXT_LENGTH,
    422: FaultKind.REQUEST,
    429: FaultKind.RATE_LIMITED,
}
_BY_CODE: Final = {
    "context_length_exceeded": FaultKind.CONTEXT_LENGTH,
    "string_above_max_length": FaultKind.CONTEXT_LENGTH,
    "content_filter": FaultKind.CONTENT_FILTER,
    "content_policy_violation": FaultKind.CONTENT_FILTER,
    "insufficient_quota": FaultKind.CREDENTIAL,
    "invalid_api_key": FaultKind.CREDENTIAL,
    "model_not_found": FaultKind.NO_SUCH_MODEL,
    "rate_limit_exceeded": FaultKind.RATE_LIMITED,
}
_OURS: Final = (
    (LimitExceeded, FaultKind.RATE_LIMITED),
    (InvalidRequest, FaultKind.REQUEST),
    (Unavailable, FaultKind.SERVER),
    (BackendError, FaultKind.UNKNOWN),
)


def fault_of(error: Exception) -> Fault:
    """What `error` means."""
    if isinstance(error, StreamFault):
        return Fault(kind=error.kind, described=error.kind.value)
    if isinstance(error, AuraError):
        kind = next((kind for ours, kind in _OURS if isinstance(error, ours)), FaultKind.UNKNOWN)
        return Fault(
            kind=kind, described=type(error).__name__, retry_after_seconds=getattr(error, "retry_after_seconds", None)
        )
    name, status = _name(error), getattr(error, "status_code", None)
    kind = _BY_CODE.get(_code(error) or "")
    if kind is None and isinstance(status, int):
        kind = kind_of_status(status)
    return Fault(
        kind=kind or _of_exception(error, name),
        retry_after_seconds=retry_after(error),
        described=f"{name}, HTTP {status}" if status else name,
    )


def kind_of_status(status: int) -> FaultKind:
    """What an answer of this HTTP status means, where nothing else is known of it."""
    return _BY_STATUS.get(status) or (FaultKind.SERVER if status >= 500 else FaultKind.REQUEST)


def error_of(fault: Fault, *, what: str) -> AuraError:
    """What a caller gets where `fault` was the last word on `what`, such as `openai/gpt-4o-mini`."""
    kind = fault.kind
    if kind is FaultKind.CONTEXT_LENGTH:
        return InvalidRequest("the question and its passages are longer than the model can read: ask a shorter one")
    if kind is FaultKind.CONTENT_FILTER:
        return BackendError(f"{what} stopped at its content filter ({fault.described}): ask in other words")
    if kind is FaultKind.REQUEST:
        return BackendError(f"{what} refused the request ({fault.described})")
    if kind is FaultKind.CREDENTIAL:
        return BackendError(f"the provider of {what} refused the API key ({fault.described}): check the key")
    if kind is FaultKind.NO_SUCH_MODEL:
        return BackendError(f"the provider knows no {what} ({fault.described}): check the model's name")
    return Unavailable(
        f"{what} is away for now ({fault.described or kind.value}): try again",
        retry_after_seconds=1.0 if fault.retry_after_seconds is None else fault.retry_after_seconds,
    )


def retry_after(error: Exception) -> float | None:
    """Seconds of the provider's `Retry-After`, written as a number or as a date; at most 600. None where there is none."""
    headers: object = getattr(getattr(error, "response", None), "headers", None)
    return None if headers is None else retry_after_of(cast(Mapping[str, str], headers))


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """As `retry_after`, of an answer's headers."""
    found = headers.get("retry-after")
    if found is None:
        return None
    try:
        seconds = float(found)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(found).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(600.0, max(0.0, seconds)) if seconds == seconds else None


def _name(error: Exception) -> str:
    return type(error).__name__


def _code(error: Exception) -> str | None:
    """The code in the body of an error, wherever its vendor puts it."""
    code: object = getattr(error, "code", None)
    body: object = getattr(error, "body", None)
    if not isinstance(code, str) and isinstance(body, Mapping):
        inner = cast(Mapping[str, object], body)
        nested = inner.get("error")
        code = inner.get("code") or (
            cast(Mapping[str, object], nested).get("code") if isinstance(nested, Mapping) else None
        )
    return code if isinstance(code, str) else None


def _of_exception(error: Exception, name: str) -> FaultKind:
    cause = error.__cause__
    if name in ("APITimeoutError", "APIConnectionError") and cause is not None and type(cause).__name__ in _BY_NAME:
        return _BY_NAME[type(cause).__name__]
    if name in _BY_NAME:
        return _BY_NAME[name]
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | msgspec.DecodeError):
        return FaultKind.BROKEN
    if isinstance(error, TimeoutError):
        return FaultKind.STALL
    if isinstance(error, ConnectionError):
        return FaultKind.BROKEN
    return FaultKind.UNKNOWN
