"""Leak probes through every route of a running server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner

from aura import Aura, NotFound, Settings, Workspace
from aura.documents.ingest import Documents
from aura.testing.embeddings import HashEmbedding
from aura_evals.cli import app
from aura_evals.gate import judge
from aura_evals.isolation_http import PROBES, run_isolation
from aura_evals.progress import Bars
from aura_evals.result import About, result_of
from aura_evals.suite import open_suite
from aura_server import create_app
from aura_server.sockets import _Talk  # pyright: ignore[reportPrivateUsage]

GENEROUS = dict.fromkeys(("requests_per_minute", "user_requests_per_minute"), 1_000_000)


@asynccontextmanager
async def listening(aura: Aura) -> AsyncGenerator[str]:
    """The address of a server with a worker beside it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(aura), log_config=None, access_log=False, timeout_graceful_shutdown=1)  # pyright: ignore[reportArgumentType]
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stop = asyncio.Event()
        working = asyncio.create_task(aura.worker(concurrency=1).run(stop))
        try:
            async with asyncio.timeout(60):
                while not server.started:  # noqa: ASYNC110  # uvicorn has a flag, and no event
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            stop.set()
            await asyncio.gather(serving, working)


@asynccontextmanager
async def opened(data_dir: Path) -> AsyncGenerator[tuple[Aura, str]]:
    settings = Settings.load(data_dir=data_dir, **GENEROUS)
    async with (
        Aura.open(settings, embed_model=HashEmbedding(), recover=False, warm=False) as aura,
        listening(aura) as url,
    ):
        yield aura, url


async def test_no_probe_of_a_server_gets_through_and_nothing_is_left_on_it(evals_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    kept = ("--history", str(tmp_path / "h.sqlite"), "--cache-dir", str(tmp_path), "--json", str(out))
    async with opened(evals_dir) as (aura, url):
        before = [each.subdomain for each in (await aura.tenants.list(limit=100)).items]
        result = await asyncio.to_thread(CliRunner().invoke, app, ["run", "isolation", "--http", url, *kept])
        assert [each.subdomain for each in (await aura.tenants.list(limit=100)).items] == before
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text())
    assert found["metrics"] == {"isolation": {"kept": 1.0}}
    assert len(found["cases"]) == 2 * len(PROBES) + 2


async def test_a_leak_and_an_oracle_of_existence_turn_the_gate_red_by_name(
    evals_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = Documents.get
    known: set[object] = set()

    def leaky(searched: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        """A search that is kept under the query alone, without the tenant."""
        kept: dict[str, object] = {}

        async def search(self: Workspace, query: str, **options: object) -> object:
            if query not in kept:
                kept[query] = await searched(self, query, **options)
            return kept[query]

        return search

    async def telling(self: Documents, document_id: object) -> object:
        try:
            found = await got(self, document_id)  # pyright: ignore[reportArgumentType]
        except NotFound:
            if document_id in known:
                raise NotFound("it is another's document") from None
            raise
        known.add(document_id)
        return found

    workspace_of, first = _Talk._workspace, list[Workspace]()  # pyright: ignore[reportPrivateUsage]

    async def confused(self: _Talk) -> Workspace:
        first.append(await workspace_of(self))
        return first[0]

    monkeypatch.setattr(_Talk, "_workspace", confused)
    for way in ("search", "try_search"):
        monkeypatch.setattr(Workspace, way, leaky(getattr(Workspace, way)))
    monkeypatch.setattr(Documents, "get", telling)
    async with opened(evals_dir) as (_, url):
        probes = ("search", "search as a tool", "ask over a socket", "by id: document")
        outcome = await run_isolation(url, Bars(), probes=probes)
    suite = open_suite("isolation")
    about = About(name="isolation", split="all", documents=0, queries=0)
    verdict = judge(result_of(suite, about, outcome, suite.all_floors()))
    assert not verdict.passed
    for leak in ("search, north to south", "search as a tool, north to south", "ask over a socket, south to north"):
        assert f"isolation: http: {leak}: the other organisation's content came back" in verdict.faults
    oracle = "isolation: http: by id: document, north to south: a foreign id is answered otherwise than an unknown one"
    assert any(fault.startswith(oracle) for fault in verdict.faults)


def test_a_server_that_is_away_gives_no_verdict(tmp_path: Path) -> None:
    options = ("--http", "http://127.0.0.1:9", "--history", str(tmp_path / "h.sqlite"), "--cache-dir", str(tmp_path))
    result = CliRunner().invoke(app, ["run", "isolation", *options])
    assert result.exit_code == 2
    assert "does not answer" in result.output
