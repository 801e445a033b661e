"""AURA's HTTP server: routes translate between the wire and the library, which decides everything.

from aura_server import create_app

async with Aura.open() as aura:
    app = create_app(aura)  # an ASGI application
"""

from aura_server.app import create_app

__all__ = ("create_app",)
