"""What ElevenLabs' errors mean: those of its package, of its HTTP client and of its socket."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

import msgspec

from aura.errors import AuraError, InvalidRequest
from aura.router.faults import Fault, FaultKind, fault_of, kind_of_status, retry_after_of
from aura.voice.errors import SpeechFault

_BY_STATUS: Final[Mapping[str, FaultKind]] = {
    "quota_exceeded": FaultKind.CREDENTIAL,
    "invalid_api_key": FaultKind.CREDENTIAL,
    "missing_permissions": FaultKind.CREDENTIAL,
    "model_not_found": FaultKind.NO_SUCH_MODEL,
    "too_many_concurrent_requests": FaultKind.RATE_LIMITED,
    "system_busy": FaultKind.RATE_LIMITED,
    "max_character_limit_exceeded": FaultKind.REQUEST,
    "input_timeout_exceeded": FaultKind.STALL,
}
"""What `detail.status` of an error's body, or the reason that a socket is closed with, means."""
_REGULAR: Final = 1000
_NO_SUCH_VOICE: Final = ("voice_not_found", "voice_id_does_not_exist")


class Refused(Exception):
    """What a socket says before it is closed."""


def translated(error: Exception) -> AuraError:
    """Whatever the package, its HTTP client or the socket raises, in our terms. Its text may quote the caller's."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    status, headers, described = _seen(error)
    if status in _NO_SUCH_VOICE:
        return InvalidRequest("ElevenLabs has no such voice: GET /voice/voices lists them", field="voice_id")
    kind = _BY_STATUS.get(status)
    if kind is None and isinstance(error, InvalidStatus):
        kind, described = kind_of_status(error.response.status_code), f"HTTP {error.response.status_code}"
    if kind is None and isinstance(error, ConnectionClosed):
        kind = FaultKind.CUT if error.rcvd and error.rcvd.code == _REGULAR else FaultKind.BROKEN
    fault = fault_of(error) if kind is None else Fault(kind=kind, described=described)
    if headers and fault.kind is FaultKind.RATE_LIMITED:
        fault = msgspec.structs.replace(fault, retry_after_seconds=retry_after_of(headers))
    return SpeechFault(f"elevenlabs failed: {fault.described or fault.kind.value}", fault)


def _seen(error: Exception) -> tuple[str, Mapping[str, str] | None, str]:
    """What an error says in words that are the service's own: its status, and the headers that came with it."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    name = type(error).__name__
    if isinstance(error, Refused):
        return str(error), None, str(error)[:40] if str(error) in _BY_STATUS else name
    if isinstance(error, ConnectionClosed):
        reason = error.rcvd.reason if error.rcvd else ""
        status = next((each for each in (*_BY_STATUS, *_NO_SUCH_VOICE) if each in reason), "")
        return status, None, f"closed: {status}" if status else name
    body: Any = getattr(error, "body", None)
    headers: Any = getattr(error, "headers", None)
    if isinstance(error, InvalidStatus):
        headers = error.response.headers
        with suppress(msgspec.DecodeError):
            body = msgspec.json.decode(error.response.body or b"{}")
    detail = cast("Any", body).get("detail") if isinstance(body, dict) else None
    status = cast("Any", detail).get("status", "") if isinstance(detail, dict) else ""
    return str(status), headers, f"{name}, {status}" if status in _BY_STATUS else name
