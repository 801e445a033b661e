"""A whole platform over a fake embedding: opened once, with an organisation for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from ingest_support import GatedEmbedding, organisation

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.testing.embeddings import HashEmbedding


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def aura(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[Aura]:
    settings = Settings.load(data_dir=data_dir, parse_timeout_seconds=60)
    async with Aura.open(settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), recover=False) as aura:
        yield aura


@pytest_asyncio.fixture(loop_scope="session")
async def acme(aura: Aura) -> Workspace:
    return await organisation(aura)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gated(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[tuple[Aura, GatedEmbedding]]:
    """A platform whose embedding waits where a test wants it to."""
    model = GatedEmbedding.open()
    settings = Settings.load(data_dir=data_dir, parse_timeout_seconds=60, ingest_lease_seconds=1.0)
    async with Aura.open(settings, embed_model=model, llm=ExtractiveLLM(), recover=False) as aura:
        yield aura, model


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def records(server: EmbeddedServer) -> AsyncIterator[Database]:
    """The database itself, to look at what is there."""
    database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
    yield database
    await database.close()
