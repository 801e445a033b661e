"""Load for a running server: callers that ask, read the answer as it is streamed, and search now and then.

    AURA_TOKEN=… locust -f evals/load/locustfile.py --host http://localhost:8000 --users 200 --headless

`AURA_TOKEN` is an access token or an API key. locust is no dependency of AURA.
"""

from __future__ import annotations

import os
import time

from locust import HttpUser, between, task  # pyright: ignore[reportMissingImports]

QUESTION = os.environ.get("LOAD_QUESTION", "How long do customers have to return a product?")


class Reader(HttpUser):
    """Asks, and reads to the end."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Show who calls."""
        self.client.headers["Authorization"] = f"Bearer {os.environ['AURA_TOKEN']}"

    @task(5)
    def stream(self) -> None:
        """One streamed answer; the time to its first event is a row of its own."""
        started = time.perf_counter()
        body = {"message": QUESTION}
        with self.client.post("/chat/stream", json=body, stream=True, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return
            first, name = None, ""
            for line in response.iter_lines(decode_unicode=True):
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                    first = first or time.perf_counter() - started
            if name not in ("final", "refusal"):
                response.failure(f"the stream ended with {name or 'nothing'}")
            self._first_event(first)

    @task(1)
    def search(self) -> None:
        """One search."""
        self.client.get("/documents/search", params={"q": QUESTION}, name="/documents/search")

    def _first_event(self, seconds: float | None) -> None:
        if seconds is not None:
            self.environment.events.request.fire(
                request_type="SSE",
                name="first event",
                response_time=seconds * 1000,
                response_length=0,
                exception=None,
                context={},
            )
