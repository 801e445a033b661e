"""A platform whose database the tests' workers share: of its own, so that no other test's queue is worked on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from jobs_support import organisation, settings

from aura import Aura, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.testing.embeddings import HashEmbedding


@pytest.fixture(scope="session")
def jobs_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="aura-tests-")).resolve()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def jobs_server(jobs_dir: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer.start(jobs_dir)
    yield server
    server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def aura(jobs_dir: Path, jobs_server: EmbeddedServer) -> AsyncIterator[Aura]:
    async with Aura.open(
        settings(jobs_dir, webhook_private_hosts=["127.0.0.1"]),
        embed_model=HashEmbedding(),
        llm=ExtractiveLLM(),
        recover=False,
    ) as aura:
        yield aura


@pytest_asyncio.fixture(loop_scope="session")
async def acme(aura: Aura) -> Workspace:
    return await organisation(aura)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def records(jobs_server: EmbeddedServer) -> AsyncIterator[Database]:
    """The database itself, to look at what is there."""
    database = Database(app_url=jobs_server.url("aura_app"), system_url=jobs_server.url("aura_system"))
    yield database
    await database.close()
