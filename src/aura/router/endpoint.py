"""A model behind OpenAI's chat protocol, at any vendor's address: one way to open it, whoever the vendor is.

One vendor package serves OpenAI, xAI and every local server, since all speak this protocol. It is imported when the first
such model is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aura.errors import InvalidRequest

if TYPE_CHECKING:
    from aura.router.endpoint_model import Endpoint

TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 5.0


def open_endpoint(
    model: str,
    address: str | None,
    key: str,
    *,
    context_window: int | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Endpoint:
    """`model` at `address` (None: OpenAI's own). Nothing is called yet. It never tries a call again by itself.

    Raises:
        InvalidRequest: the extra `openai` is not installed.
    """
    try:
        from aura.router.endpoint_model import Endpoint

        return Endpoint.opened(
            model,
            address,
            key,
            context_window=context_window,
            connect_seconds=connect_seconds,
            timeout_seconds=timeout_seconds,
        )
    except ImportError as error:
        raise InvalidRequest(
            f'the model {model!r} needs the extra `openai`: pip install "aura[openai]"', field="llm"
        ) from error


def open_client(key: str, address: str | None, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
    """The vendor's own client, an `AsyncOpenAI`, for what is no chat; for the running loop alone. It tries nothing again.

    Raises:
        InvalidRequest: the extra `openai` is not installed.
    """
    try:
        from aura.router.endpoint_model import client_of
    except ImportError as error:
        raise InvalidRequest('speech by OpenAI needs the extra `openai`: pip install "aura[openai]"') from error
    return client_of(key, address, timeout_seconds=timeout_seconds, connect_seconds=CONNECT_SECONDS)


def with_key(llm: object, key: str) -> Endpoint | None:
    """The same endpoint with another key and connections of its own; None where `llm` is none."""
    again = getattr(llm, "again_with_key", None)
    return None if again is None else again(key)


async def close_endpoint(llm: object) -> None:
    """Close the connections of the running loop that `llm` holds, where it is an endpoint."""
    close = getattr(llm, "close_clients", None)
    if close is not None:
        await close()
