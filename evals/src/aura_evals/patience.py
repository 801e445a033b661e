"""Requests to a server that may be over a limit, or away for now."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from aura_evals.errors import BadInput

_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60.0


async def patiently_sent(client: httpx.AsyncClient, method: str, url: str, **sent: Any) -> httpx.Response:
    """The server's answer; when it is over a limit or away for now, the request waits as long as it says.

    Raises:
        BadInput: the server does not answer.
    """
    for attempt in range(_ATTEMPTS):
        try:
            response = await client.request(method, url, **sent)
        except httpx.HTTPError as error:
            raise BadInput(f"the server at {client.base_url} does not answer: {error}") from None
        if response.status_code not in (429, 503) or attempt == _ATTEMPTS - 1:
            return response
        await asyncio.sleep(_wait_seconds(response))
    raise AssertionError("there is at least one attempt")


def _wait_seconds(response: httpx.Response) -> float:
    try:
        return min(_LONGEST_WAIT_SECONDS, max(0.0, float(response.headers.get("retry-after", "1"))))
    except ValueError:
        return 1.0
