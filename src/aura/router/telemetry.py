"""Spans and metrics of each attempt by OpenTelemetry's conventions for generative AI; no word of a prompt, no key.

Without the package `opentelemetry-api` (extra `server`), or without an SDK that is configured, it costs next to nothing.
Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

from aura.router.trace import Trace, Tried

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Tracer

_OPERATION: Final = "chat"
_PROVIDERS: Final = {"grok": "x_ai"}


class Telemetry(Protocol):
    """Is told of every attempt when it has ended."""

    def ended(self, trace: Trace, tried: Tried) -> None: ...


class NoTelemetry:
    """Tells nobody."""

    def ended(self, trace: Trace, tried: Tried) -> None:
        """Nothing."""


class GenAiTelemetry:
    """Tells OpenTelemetry: a span `chat <model>`, its tokens and its seconds."""

    def __init__(self, tracer: Tracer, tokens: Histogram, seconds: Histogram) -> None:
        self._tracer = tracer
        self._tokens = tokens
        self._seconds = seconds

    def ended(self, trace: Trace, tried: Tried) -> None:
        """One span from the attempt's begin to now, inside the span that the caller is in."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        provider, _, model = tried.name.partition("/")
        about = {
            "gen_ai.operation.name": _OPERATION,
            "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
            "gen_ai.request.model": model,
        }
        now = time.time_ns()
        span = self._tracer.start_span(
            f"{_OPERATION} {model}",
            kind=SpanKind.CLIENT,
            start_time=now - int(tried.total_seconds * 1e9),
            attributes={
                **about,
                "gen_ai.usage.input_tokens": tried.tokens_in,
                "gen_ai.usage.output_tokens": tried.tokens_out,
                "aura.call_id": str(trace.call_id),
                "aura.tier": trace.tier,
                "aura.cost_micro_usd": tried.cost_micro_usd,
                "aura.outcome": tried.outcome,
            },
        )
        failed = {} if tried.fault is None else {"error.type": tried.fault.value}
        if failed:
            span.set_attributes(failed)
            span.set_status(Status(StatusCode.ERROR, tried.described))
        span.end(end_time=now)
        self._seconds.record(tried.total_seconds, {**about, **failed})
        self._tokens.record(tried.tokens_in, {**about, "gen_ai.token.type": "input"})
        self._tokens.record(tried.tokens_out, {**about, "gen_ai.token.type": "output"})


@cache
def default_telemetry() -> Telemetry:
    """OpenTelemetry's, where its package is installed; it becomes real when an SDK is configured, also later."""
    try:
        from opentelemetry.metrics import get_meter
        from opentelemetry.trace import get_tracer
    except ImportError:
        return NoTelemetry()
    meter = get_meter("aura.router")
    return GenAiTelemetry(
        get_tracer("aura.router"),
        meter.create_histogram("gen_ai.client.token.usage", unit="{token}"),
        meter.create_histogram("gen_ai.client.operation.duration", unit="s"),
    )
