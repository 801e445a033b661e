"""What Prometheus reads: requests, latencies, streams, answers, the queue and the event loop. No label tells of a tenant."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final

from litestar.types import Scope
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from aura.usage.ledger import Outcome
from aura.usage.totals import Totals
from aura_server.requests import Handled

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_BEAT_SECONDS: Final = 0.25
_BEATS: Final = 60
_FORWARDED: Final = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip"})


class Metrics:
    """The measures of one application, in a registry of its own."""

    def __init__(self, totals: Totals) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(_Answers(totals))
        self._requests = Counter(
            "aura_http_requests", "Requests that were answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "aura_http_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._streams = Gauge("aura_http_streams_open", "Event streams and sockets that are open.", registry=registry)
        self._queued = Gauge(
            "aura_documents_queued", "Documents of all organisations that wait or are worked on.", registry=registry
        )
        self._lag = Gauge(
            "aura_event_loop_lag_seconds", "How late the event loop was at worst, in the last 15 s.", registry=registry
        )
        self._lags = deque[float](maxlen=_BEATS)

    def observe(self, handled: Handled) -> None:
        """Count one request."""
        self._requests.labels(handled.method, handled.route, str(handled.status)).inc()
        self._seconds.labels(handled.method, handled.route).observe(handled.seconds)

    def stream_opened(self) -> None:
        """One more stream is open."""
        self._streams.inc()

    def stream_closed(self) -> None:
        """One is closed."""
        self._streams.dec()

    def text(self, *, queued_documents: int | None) -> str:
        """All measures in Prometheus' text format. `queued_documents`: None where the database could not say."""
        self._queued.set(float("nan") if queued_documents is None else queued_documents)
        self._lag.set(max(self._lags, default=0.0))
        return generate_latest(self._registry).decode()

    @asynccontextmanager
    async def watching_the_loop(self) -> AsyncGenerator[None]:
        """Measure, while the body runs, how late the event loop wakes what sleeps."""
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_BEAT_SECONDS)
            self._lags.append(max(0.0, time.perf_counter() - before - _BEAT_SECONDS))


class _Answers(Collector):
    """What the library counts itself."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The sums as they are now."""
        answers = CounterMetricFamily("aura_answers", "Answers by how they ended.", labels=("outcome",))
        for outcome in Outcome:
            answers.add_metric((outcome.value,), self._totals.answers[outcome])
        yield answers
        tokens = CounterMetricFamily("aura_tokens", "Tokens that models read and wrote.", labels=("direction",))
        tokens.add_metric(("in",), self._totals.tokens_in)
        tokens.add_metric(("out",), self._totals.tokens_out)
        yield tokens
        cost = self._totals.cost_micro_usd / 1_000_000
        yield CounterMetricFamily("aura_cost_usd", "US dollars, of calls whose price is known.", value=cost)
        probes = CounterMetricFamily("aura_probes", "Probes of models by how they ended.", labels=("outcome",))
        for outcome in (Outcome.OK, Outcome.FAILED):
            probes.add_metric((outcome.value,), self._totals.probes[outcome])
        yield probes
        cost = self._totals.probe_cost_micro_usd / 1_000_000
        yield CounterMetricFamily("aura_probe_cost_usd", "US dollars that probes cost the platform.", value=cost)


def from_this_machine(scope: Scope) -> bool:
    """Whether a request was made on this machine: from loopback, and by no proxy, behind which everybody is loopback."""
    client = scope.get("client")
    if client is None or any(name.lower() in _FORWARDED for name, _ in scope["headers"]):
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False
