"""AURA's HTTP server: routes translate between the wire and the library, which decides everything.

from aura_server import create_app

async with Aura.open() as aura:
    app = create_app(aura)  # an ASGI application
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aura_server.app import create_app

__all__ = ("create_app",)


def __getattr__(name: str) -> object:
    """Load the server on first use: the command line knows `aura serve` also where the extra `server` is not installed."""
    if name != "create_app":
        raise AttributeError(f"module 'aura_server' has no attribute {name!r}")
    from aura_server.app import create_app

    return create_app
