"""The outermost layer: every request gets its id here, and leaves a line in the log, a measure and a span."""

from __future__ import annotations

import time

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.trace import Tracer, get_tracer

from aura_server import logs, requests, telemetry
from aura_server.metrics import Metrics


class Observed:
    """An application whose requests are logged, measured and traced."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, tracer: Tracer | None = None) -> None:
        """`tracer`: the process's, as OpenTelemetry was set up, when left out."""
        self._app = app
        self._metrics = metrics
        self._tracer = tracer or get_tracer("aura_server")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # pyright: ignore[reportUnnecessaryComparison]
            await self._app(scope, receive, send)
            return
        requests.begin(scope)
        watch = _Watch(send, self._metrics)
        with telemetry.request_span(scope, self._tracer) as span:
            try:
                await self._app(scope, receive, watch.send)
            finally:
                handled = watch.ended(scope)
                telemetry.ended(span, handled)
                self._metrics.observe(handled)
                logs.request_handled(handled)


class _Watch:
    """What passes to the client of one request."""

    def __init__(self, send: Send, metrics: Metrics) -> None:
        self._send = send
        self._metrics = metrics
        self._status = 0
        self._streams = False
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if any(k.lower() == b"content-type" and v.startswith(b"text/event-stream") for k, v in message["headers"]):
                self._opened()
        elif message["type"] == "websocket.accept":
            self._status = 101
            self._opened()
        elif message["type"] == "websocket.close" and not self._streams:  # refused at the handshake
            self._status = 403
        await self._send(message)

    def ended(self, scope: Scope) -> requests.Handled:
        if self._streams:
            self._metrics.stream_closed()
        return requests.Handled(
            request_id=requests.request_id(scope),
            method=requests.method_of(scope),
            route=requests.route_of(scope),
            status=self._status,
            seconds=time.perf_counter() - self._started,
            tenant_id=requests.tenant_of(scope),
        )

    def _opened(self) -> None:
        self._streams = True
        self._metrics.stream_opened()
