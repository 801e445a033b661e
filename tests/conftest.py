"""Shared parts of the tests: one embedded PostgreSQL for the whole run, a fresh tenant for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
for name in [name for name in os.environ if name.startswith("AURA_")]:
    del os.environ[name]
for name in ("OPENAI_API_KEY", "GROK_API_KEY", "ELEVENLABS_API_KEY"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    # Not pytest's own folder: run as root, the next pytest closes it to others, under a server that runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="aura-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(data_dir: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer.start(data_dir)
    yield server
    server.stop()


@pytest.fixture
async def database(server: EmbeddedServer) -> AsyncIterator[Database]:
    database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
    yield database
    await database.close()
