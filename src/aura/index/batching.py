"""One thread that embeds for every caller and event loop: questions first, then passages in batches of one length."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aura.errors import Unavailable

Vectors: TypeAlias = NDArray[np.float32]

WINDOW = 128
"""Texts that one caller has waiting at once, and hands in more when they are done: nobody waits for another's book."""
BATCH_TEXTS = 32
BATCH_CHARACTERS = 8_192
"""Texts × the longest of them, about 2,000 tokens: larger batches are no faster on a CPU, and a question waits for one."""


class EmbeddingBatcher:
    """Runs a blocking `encode` in its one thread, a batch at a time. Any thread and event loop may call it.

    Args:
        dimension: of every vector.
        encode: texts to `(n, dimension) float32`, for passages.
        encode_queries: the same for questions, which some models embed otherwise.
    """

    def __init__(
        self,
        dimension: int,
        encode: Callable[[list[str]], Vectors],
        encode_queries: Callable[[list[str]], Vectors] | None = None,
    ) -> None:
        self._dimension = dimension
        self._encode = encode
        self._encode_queries = encode_queries or encode
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="aura-embedding")
        self._lock = Lock()
        self._running = False
        self._closed = False
        self._queries: deque[_Request] = deque()
        self._passages: list[_Request] = []
        self._batches: deque[_Batch] = deque()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Passages as `(len(texts), dimension) float32`, in their order.

        A cancelled call takes nothing from others: what it still had waiting is skipped.

        Raises:
            Unavailable: the batcher was closed.
        """
        windows = [texts[start : start + WINDOW] for start in range(0, len(texts), WINDOW)] or [()]
        return np.concatenate([await asyncio.wrap_future(self.submit(window)) for window in windows])

    async def embed_query(self, text: str) -> Vectors:
        """A question as `(dimension,) float32`. It goes before all passages but the batch under way."""
        return (await asyncio.wrap_future(self.submit([text], queries=True)))[0]

    def submit(self, texts: Sequence[str], *, queries: bool = False) -> Future[Vectors]:
        """The vectors to be, for callers without an event loop."""
        request = _Request(texts, self._dimension)
        with self._lock:
            if self._closed:
                raise Unavailable("the embedding model was closed: open it again")
            (self._queries if queries else self._passages).append(request)
            if not self._running:
                self._running = True
                self._thread.submit(self._work)
        return request.result

    def close(self, *, wait: bool = True) -> None:
        """End the thread after the batch under way. What still waits fails with `Unavailable`.

        Args:
            wait: until that batch is done.
        """
        with self._lock:
            self._closed = True
            waiting = [*self._queries, *self._passages, *(item.request for batch in self._batches for item in batch)]
            self._queries.clear()
            self._passages.clear()
            self._batches.clear()
        for request in waiting:
            request.fail(Unavailable("the embedding model was closed: open it again"))
        self._thread.shutdown(wait=wait)

    def _work(self) -> None:
        while (work := self._next()) is not None:
            encode, batch = work
            batch = [item for item in batch if not item.request.result.done()]
            if not batch:
                continue
            try:
                vectors = encode([item.request.texts[item.place] for item in batch])
                for item, vector in zip(batch, vectors, strict=True):
                    item.request.put(item.place, vector)
            except BaseException as error:  # the edge of this thread: whatever it is, the callers must hear of it
                for item in batch:
                    item.request.fail(error)

    def _next(self) -> tuple[Callable[[list[str]], Vectors], _Batch] | None:
        with self._lock:
            if self._queries:
                waiting = [self._queries.popleft() for _ in range(min(len(self._queries), BATCH_TEXTS))]
                return self._encode_queries, [_Item(request, place) for request in waiting for place in request.places]
            if not self._batches:
                self._batches.extend(_batches(self._passages))
                self._passages.clear()
            if self._batches:
                return self._encode, self._batches.popleft()
            self._running = False
            return None


class _Request:
    def __init__(self, texts: Sequence[str], dimension: int) -> None:
        self.texts = texts
        self.result: Future[Vectors] = Future()
        self._vectors = np.empty((len(texts), dimension), dtype=np.float32)
        self._missing = len(texts)
        if not texts:
            self.result.set_result(self._vectors)

    @property
    def places(self) -> range:
        return range(len(self.texts))

    def put(self, place: int, vector: Vectors) -> None:
        self._vectors[place] = vector
        self._missing -= 1
        if self._missing == 0:
            with suppress(InvalidStateError):  # cancelled a moment ago
                self.result.set_result(self._vectors)

    def fail(self, error: BaseException) -> None:
        with suppress(InvalidStateError):
            self.result.set_exception(error)


class _Item:
    __slots__ = ("place", "request")

    def __init__(self, request: _Request, place: int) -> None:
        self.request = request
        self.place = place

    @property
    def length(self) -> int:
        return len(self.request.texts[self.place])


_Batch: TypeAlias = list[_Item]


def _batches(requests: Sequence[_Request]) -> list[_Batch]:
    """Everything that waits, longest first: texts of one batch are padded to the longest of it."""
    items = sorted((_Item(r, place) for r in requests for place in r.places), key=lambda item: -item.length)
    batches: list[_Batch] = []
    for item in items:
        last = batches[-1] if batches else []
        if last and len(last) < BATCH_TEXTS and (len(last) + 1) * last[0].length <= BATCH_CHARACTERS:
            last.append(item)
        else:
            batches.append([item])
    return batches
