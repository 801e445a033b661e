"""`aura serve` as a process: what it starts, what it says, and what is left when it is told to end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from faults_support import until
from server_support import bearer

PROGRAM = "from aura.cli import main; main()"


class Serving:
    """One `aura serve`, as whoever started it sees it."""

    def __init__(self, process: Process, said: dict[str, Any]) -> None:
        self.process = process
        self.said = said
        self.url: str = said.get("url", "")

    @property
    def children(self) -> list[psutil.Process]:
        """The workers that it started."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in found if each.is_running() and "worker" in each.cmdline()]

    async def end(self) -> str:
        """SIGTERM; what it wrote to its log."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        async with asyncio.timeout(150):
            log = await self.process.stderr.read()
            await self.process.wait()
        return log.decode()


@asynccontextmanager
async def serve(data_dir: Path, *options: str) -> AsyncGenerator[Serving]:
    """`aura serve` with `options`, once it has said where; killed at the end."""
    command = (sys.executable, "-c", PROGRAM, "--data-dir", str(data_dir), "--json", "serve", *options)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=dict(os.environ))
    assert process.stdout is not None
    try:
        async with asyncio.timeout(180):
            line = await process.stdout.readline()
        yield Serving(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aura-tests-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


async def enter(url: str, login: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        return await client.post("/api/login", json=login)


async def test_one_command_starts_all_of_it_and_sigterm_ends_all_of_it(place: Path) -> None:
    async with serve(place, "--port", "0") as first:
        (login,) = first.said["logins"]
        entered = await enter(first.url, login)
        assert entered.status_code == 200, entered.text
        token = entered.json()["access_token"]
        await until(lambda: len(first.children) == 1)
        (worker,) = first.children

        port = first.url.rpartition(":")[2]
        async with serve(place, "--port", port, "--no-worker") as refused:
            assert refused.said["error"]["type"] == "InvalidRequest"
            assert f"port {port}" in refused.said["error"]["message"]
            assert "--port" in refused.said["error"]["message"]
            await refused.process.wait()
            assert refused.process.returncode == 2

        async with serve(place, "--port", "0", "--no-worker") as second:  # attaches to the database of the first
            assert second.said["logins"] == []
            assert second.children == []
            async with httpx.AsyncClient(base_url=second.url, headers=bearer(token), timeout=60) as client:
                assert (await client.get("/tenant")).status_code == 200
                assert (await client.get("/documents/", params={"cursor": login["password"]})).is_client_error
            log = await second.end()
            assert second.process.returncode in (0, -signal.SIGTERM)
        lines = [json.loads(line) for line in log.splitlines()]
        assert {"/tenant", "/documents"} <= {str(line.get("route")).rstrip("/") for line in lines}
        assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)

        assert (await enter(first.url, login)).status_code == 200  # the database is still there
        log += await first.end()
        assert first.process.returncode in (0, -signal.SIGTERM)
    assert all(json.loads(line) for line in log.splitlines())
    assert not [secret for secret in (login["password"], token, entered.json()["refresh_token"]) if secret in log]
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert not [each for each in psutil.process_iter(["cmdline"]) if str(place) in " ".join(each.info["cmdline"] or [])]
