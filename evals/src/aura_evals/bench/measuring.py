"""What the search benchmarks share: a sandbox with a tenant in it, and questions asked of it on the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura import Aura, Passage, Workspace
from aura_evals.bench.loading import EmbeddedServer, Loader, Place, make_place, server_of, superuser
from aura_evals.bench.synthetic import Corpus, TopicEmbedding
from aura_evals.sandbox import new_tenant, open_sandbox

T = TypeVar("T")

_ROUNDING = 1e-4  # a cosine of half-precision vectors, computed here and in the database


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """AURA on a database of its own, and the means to fill that in bulk."""

    aura: Aura
    workspace: Workspace
    place: Place
    server: EmbeddedServer
    loader: Loader


@asynccontextmanager
async def open_bench(corpus: Corpus) -> AsyncGenerator[Bench]:
    """An AURA with one empty tenant, the embedding of which costs nothing."""
    with TemporaryDirectory(prefix="aura-bench-", ignore_cleanup_errors=True) as folder:
        async with open_sandbox(data_dir=Path(folder), embed_model=TopicEmbedding()) as aura:
            with server_of(Path(folder)) as server, superuser(server) as connection:
                workspace = await new_tenant(aura)
                place = await make_place(workspace, connection)
                loader = Loader(connection, corpus)
                yield Bench(aura=aura, workspace=workspace, place=place, server=server, loader=loader)


async def timed(call: Awaitable[T]) -> tuple[float, T]:
    """The seconds that `call` takes, and its result."""
    started = time.perf_counter()
    result = await call
    return time.perf_counter() - started, result


async def concurrently(calls: Sequence[Callable[[], Awaitable[T]]], at_once: int) -> list[tuple[float, T]]:
    """Each call's seconds and result, in order, with `at_once` of them under way."""
    results: list[tuple[float, T] | None] = [None] * len(calls)
    waiting = iter(enumerate(calls))

    async def work() -> None:
        for place, call in waiting:
            results[place] = await timed(call())

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return [result for result in results if result is not None]


def recall(
    question: str, passages: Sequence[Passage], ids: Sequence[str], vectors: NDArray[np.float16], k: int = 10
) -> float:
    """The share of the true `k` nearest of `vectors` (whose ids are `ids`) that are among `passages`."""
    scores = vectors.astype(np.float32) @ TopicEmbedding.vector(question)
    least = np.sort(scores)[-k]
    found = dict(zip(ids, scores.tolist(), strict=True))
    near = {p.chunk_id for p in passages[:k] if found.get(p.chunk_id, -2.0) >= least - _ROUNDING}
    return len(near) / k
