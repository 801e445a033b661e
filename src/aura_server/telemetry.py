"""A span for each request, for whoever has set OpenTelemetry up; without its SDK nothing happens.

`opentelemetry-instrument aura serve`, with the SDK and an exporter installed, is a way to do so. A span has the route's
template and the status, and neither path, query nor user.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from litestar.types import Scope
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from aura_server.requests import Handled, method_of

_HEADERS = (b"traceparent", b"tracestate")


@contextmanager
def request_span(scope: Scope, tracer: Tracer) -> Generator[Span]:
    """The span of a request, which continues the trace that the caller is in. `ended` completes it."""
    carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}
    context = TraceContextTextMapPropagator().extract(carrier)
    with tracer.start_as_current_span(
        method_of(scope), context=context, kind=SpanKind.SERVER, record_exception=False
    ) as span:
        yield span


def ended(span: Span, handled: Handled) -> None:
    """Say what became of the request."""
    if not span.is_recording():
        return
    span.update_name(f"{handled.method} {handled.route}")
    span.set_attribute("http.request.method", handled.method)
    span.set_attribute("http.route", handled.route)
    span.set_attribute("http.response.status_code", handled.status)
    if handled.status >= 500:
        span.set_status(Status(StatusCode.ERROR))
