"""How the platform's parts are, each with how long it took to tell and why it is not well."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

import msgspec
from llama_index.core.llms import LLM
from sqlalchemy import text

from aura.database.engine import Database
from aura.errors import AuraError
from aura.index.embedding import EmbeddingModel
from aura.router.health import RouteHealth, RouteState
from aura.router.smart_router import SmartRouter
from aura.settings import Settings
from aura.voice.parts import VoiceParts

State = Literal["ok", "degraded", "down", "off"]

_SLOW_SECONDS = 1.0
_LOW_DISK_BYTES = 1024**3
_SILENT_SECONDS = 60
_WORKERS = text(
    "SELECT count(*) FROM procrastinate.procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :seconds)"
)


class PartHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One part. `reason` says why it is not `ok`, and what to do."""

    name: str
    status: State
    latency_seconds: float = 0.0
    reason: str = ""


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of models. `failures`: how many calls have failed in a row."""

    name: str
    status: State
    failures: int = 0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The platform: `down` without its database, `degraded` when any other part is not well."""

    status: State
    version: str
    parts: tuple[PartHealth, ...]
    providers: tuple[ProviderHealth, ...]


class Checks:
    """Looks at the parts of one process."""

    def __init__(
        self, database: Database, embedder: EmbeddingModel, settings: Settings, *, llm: LLM, voice: VoiceParts
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._settings = settings
        self._llm = llm
        self._voice = voice

    async def run(self) -> Health:
        """How the parts are now. Cost: two round trips to the database; no call of a model."""
        database, disk, worker = await asyncio.gather(
            _timed("database", self._ask_database),
            _timed("storage", self._look_at_disk),
            _timed("worker", self._look_for_workers),
        )
        parts = (
            database,
            disk,
            worker,
            self._embedding(),
            self._model(),
            _memory(worker),
            # A persona is rules and rows: it is as well as the database is.
            PartHealth(name="persona", status="down" if database.status == "down" else "ok", reason=database.reason),
            self._hearing_and_speaking(),
        )
        return Health(
            status=_overall(parts),
            version=version("aura"),
            parts=parts,
            providers=_providers(self._settings, self._routes()),
        )

    def _routes(self) -> tuple[RouteHealth, ...]:
        return self._llm.get_health_status() if isinstance(self._llm, SmartRouter) else ()

    def _model(self) -> PartHealth:
        """The model is well while one of its routes is; what answers in its place meanwhile is told as the reason."""
        name, routes = self._llm.metadata.model_name, self._routes()
        ill = [f"{each.route.partition('#')[0]}: {each.reason}" for each in routes if _of_route(each) == "down"]
        if not routes or not ill:
            return PartHealth(name="model", status="ok", reason="the keyless model" if name == "extractive" else "")
        return PartHealth(name="model", status="degraded", reason="; ".join(ill))

    def _hearing_and_speaking(self) -> PartHealth:
        """Voice is off while a part of it is not installed, and degraded while a service that has a key is away."""
        if missing := self._voice.status().missing:
            return PartHealth(name="voice", status="off", reason="; ".join(missing))
        ill = self._voice.ill()
        return PartHealth(name="voice", status="degraded" if ill else "ok", reason="; ".join(ill))

    async def _ask_database(self) -> str:
        async with self._database.system() as session:
            await session.execute(text("SELECT 1"))
        return ""

    async def _look_for_workers(self) -> str:
        async with self._database.system() as session:
            alive = await session.scalar(_WORKERS, {"seconds": _SILENT_SECONDS})
        return (
            "" if alive else "no worker runs, and files wait: start `aura worker`, or `aura serve` without --no-worker"
        )

    async def _look_at_disk(self) -> str:
        free = (await asyncio.to_thread(shutil.disk_usage, _existing(self._settings.data_dir))).free
        return "" if free >= _LOW_DISK_BYTES else f"{free:,} bytes are left on the disk of the files: free some"

    def _embedding(self) -> PartHealth:
        if self._embedder.loaded:
            return PartHealth(name="embedding", status="ok")
        return PartHealth(name="embedding", status="degraded", reason="the weights are still being loaded")


async def _timed(name: str, look: Callable[[], Awaitable[str]]) -> PartHealth:
    started = time.perf_counter()
    try:
        reason = await look()
    except AuraError as error:
        return PartHealth(name=name, status="down", latency_seconds=time.perf_counter() - started, reason=str(error))
    elapsed = time.perf_counter() - started
    if elapsed > _SLOW_SECONDS:
        reason = reason or f"it took {elapsed:.1f} s to answer"
    return PartHealth(name=name, status="degraded" if reason else "ok", latency_seconds=elapsed, reason=reason)


def _memory(worker: PartHealth) -> PartHealth:
    """Turns are always kept; what is derived from them waits for a worker."""
    reason = f"turns are kept, and learned from later: {worker.reason}" if worker.reason else ""
    return PartHealth(name="memory", status=worker.status, reason=reason)


def _overall(parts: tuple[PartHealth, ...]) -> State:
    status = {part.name: part.status for part in parts}
    if status["database"] == "down":
        return "down"
    return "degraded" if {"degraded", "down"} & set(status.values()) else "ok"


def _providers(settings: Settings, routes: Iterable[RouteHealth]) -> tuple[ProviderHealth, ...]:
    keys = {"grok": settings.grok_api_key, "openai": settings.openai_api_key}
    return tuple(
        _provider(name, [each for each in routes if each.provider == name], known=key is not None)
        for name, key in keys.items()
    )


def _provider(name: str, routes: Sequence[RouteHealth], *, known: bool) -> ProviderHealth:
    """The best of its routes says how a provider is."""
    states: list[State] = [_of_route(each) for each in routes] or ["ok" if known else "off"]
    status = min(states, key=_BEST_FIRST.index)
    return ProviderHealth(name=name, status=status, failures=max((each.failures for each in routes), default=0))


def _of_route(route: RouteHealth) -> State:
    return _STATES[route.state]


_BEST_FIRST: Final[tuple[State, ...]] = ("ok", "degraded", "down", "off")
_STATES: Final[Mapping[RouteState, State]] = {
    RouteState.CLOSED: "ok",
    RouteState.HALF_OPEN: "degraded",
    RouteState.RATE_LIMITED: "degraded",
    RouteState.OPEN: "down",
    RouteState.CREDENTIAL: "down",
}


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
