"""A way for LlamaIndex's synchronous methods into our asynchronous ones: one background event loop, started on first use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from threading import Lock
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

T = TypeVar("T")


class Portal:
    """Runs coroutines for synchronous callers on any thread, also on one whose own event loop is running (Jupyter)."""

    def __init__(self, on_close: Callable[[], Awaitable[None]] | None = None) -> None:
        self._on_close = [] if on_close is None else [on_close]
        self._lock = Lock()
        self._context: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None

    def before_closing(self, close: Callable[[], Awaitable[None]]) -> None:
        """Run `close` on the background loop, too, before that ends."""
        self._on_close.append(close)

    def call(self, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
        """The result of `await function(*arguments)`. Blocks the calling thread; the asynchronous twin does not."""
        return self._running().call(function, *arguments)

    def start(self, function: Callable[..., Awaitable[T]], *arguments: object) -> Future[T]:
        """Begin `await function(*arguments)` in the background; cancelling the future cancels it there."""
        return self._running().start_task_soon(function, *arguments)

    def _running(self) -> BlockingPortal:
        with self._lock:
            if self._portal is None:
                self._context = start_blocking_portal()
                self._portal = self._context.__enter__()
            return self._portal

    def close(self) -> None:
        """End the background loop, after `on_close` has run on it."""
        with self._lock:
            if self._portal is not None and self._context is not None:
                for close in self._on_close:
                    self._portal.call(close)
                self._context.__exit__(None, None, None)
            self._portal = self._context = None
