"""The server as a whole."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST

from aura.errors import Unavailable
from aura.platform import Aura
from aura_server.callers import PUBLIC, require_operator
from aura_server.metrics import Metrics, from_this_machine
from aura_server.wire.platform import HealthResponse


@get("/health", opt=PUBLIC, tags=["public"])
async def health(aura: NamedDependency[Aura]) -> HealthResponse:
    """Whether the server and its parts work. Always 200 while the server answers; `status` says how it is."""
    return HealthResponse.of(await aura.health())


@get("/metrics", opt=PUBLIC, media_type=CONTENT_TYPE_LATEST, tags=["ecosystem"])
async def metrics(aura: NamedDependency[Aura], request: Request[Any, Any, Any]) -> str:
    """The measures of this process for Prometheus: from this machine, or with `INTERNAL_API_KEY` as bearer token."""
    if not from_this_machine(request.scope):
        require_operator(request)
    measured: Metrics = request.app.state.metrics
    try:
        queued = await aura.queued_documents()
    except Unavailable:
        queued = None
    return measured.text(queued_documents=queued)


HANDLERS = (health, metrics)
