"""The application: every route, behind the checks that each request passes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp

from aura.platform import Aura
from aura_server import auditing, callers, pages
from aura_server.description import openapi_config
from aura_server.hardening import Limits, Shell
from aura_server.limits import QuotaMiddleware
from aura_server.metrics import Metrics
from aura_server.observing import Observed
from aura_server.problems import EXCEPTION_HANDLERS
from aura_server.routes import (
    access,
    admin,
    archives,
    budgets,
    chat,
    compatible,
    conversations,
    documents,
    mcp,
    memory,
    persona,
    platform,
    realtime,
    sockets,
    tenant,
    voice,
    webhooks,
)
from aura_server.web_app import BUILT, WebApp

ROUTES = (
    *access.HANDLERS,
    *chat.HANDLERS,
    *persona.HANDLERS,
    *conversations.HANDLERS,
    *memory.HANDLERS,
    *sockets.HANDLERS,
    *documents.HANDLERS,
    *tenant.HANDLERS,
    *archives.HANDLERS,
    *budgets.HANDLERS,
    *webhooks.HANDLERS,
    *voice.HANDLERS,
    *realtime.HANDLERS,
    *admin.HANDLERS,
    *platform.HANDLERS,
    *compatible.HANDLERS,
    *mcp.HANDLERS,
    *pages.HANDLERS,
)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the server shows itself to the network."""

    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """The host names that it answers to; `*` is any."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API; none unless named."""
    limits: Limits = Limits()
    web_folder: Path = BUILT
    """Where the built web interface lies; it is looked at when the application is made."""


def create_app(aura: Aura, options: Options | None = None) -> ASGIApp:
    """The ASGI application that serves `aura`, which must stay open while it runs."""
    options = options or Options()
    limits = options.limits.of(aura.settings)
    metrics = Metrics(aura.totals)
    return Observed(Shell(litestar(aura, options, metrics), hosts=options.hosts, limits=limits), metrics)


def litestar(aura: Aura | None, options: Options, metrics: Metrics | None = None) -> Litestar:
    """The application without its outer checks. Without a platform it can be described, but not asked."""
    return Litestar(
        route_handlers=ROUTES,
        state=State({"aura": aura, "options": options, "metrics": metrics, "web_app": WebApp(options.web_folder)}),
        dependencies={
            "aura": Provide(callers.provide_aura, sync_to_thread=False),
            "caller": Provide(callers.provide_caller, sync_to_thread=False),
            "workspace": Provide(callers.provide_workspace, sync_to_thread=False),
            "record": Provide(auditing.provide_record, sync_to_thread=False),
        },
        middleware=[callers.CallerMiddleware, QuotaMiddleware()],
        exception_handlers=EXCEPTION_HANDLERS,
        cors_config=CORSConfig(allow_origins=list(options.cors_origins)) if options.cors_origins else None,
        lifespan=[_watched],
        openapi_config=openapi_config(),
        request_max_body_size=None,  # the shell's
        logging_config=None,
        debug=False,
    )


@asynccontextmanager
async def _watched(app: Litestar) -> AsyncGenerator[None]:
    metrics: Metrics = app.state.metrics
    async with metrics.watching_the_loop():
        yield
