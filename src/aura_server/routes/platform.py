"""The server as a whole."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency

from aura.platform import Aura
from aura_server.callers import PUBLIC
from aura_server.wire.platform import HealthResponse


@get("/health", opt=PUBLIC, tags=["public"])
async def health(aura: NamedDependency[Aura]) -> HealthResponse:
    """Whether the server and its parts work. Always 200 while the server answers; `status` says how it is."""
    return HealthResponse.of(await aura.health())


HANDLERS = (health,)
