"""What every request has: an id that its answer, its problems and the log name, and the address it came from."""

from __future__ import annotations

import re
from typing import cast
from uuid import uuid4

from litestar.types import Scope

HEADER = "X-Request-ID"
_KEY = "aura_request_id"
_USABLE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


def begin(scope: Scope) -> str:
    """Give the request its id: the caller's `X-Request-ID` where it can be used, a new one otherwise."""
    sent = next((value for name, value in scope["headers"] if name.lower() == HEADER.lower().encode()), b"")
    found = sent.decode() if _USABLE.fullmatch(sent) else str(uuid4())
    cast("dict[str, object]", scope)[_KEY] = found
    return found


def request_id(scope: Scope) -> str:
    """The id that `begin` gave."""
    return str(cast("dict[str, object]", scope).get(_KEY, ""))


def address(scope: Scope) -> str:
    """The client's address, as the server sees it; behind a proxy that `AURA_TRUSTED_PROXIES` names, what it says."""
    client = scope.get("client")
    return client[0] if client else ""
