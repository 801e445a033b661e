"""A whole platform over a fake embedding: opened once, with an organisation for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest_asyncio
from facade_support import HANDBOOK, Scripted

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.testing.embeddings import HashEmbedding


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def aura(data_dir: Path, server: object) -> AsyncIterator[Aura]:
    async with Aura.open(
        Settings.load(data_dir=data_dir), embed_model=HashEmbedding(), llm=ExtractiveLLM(), recover=False
    ) as aura:
        yield aura


@pytest_asyncio.fixture(loop_scope="session")
async def acme(aura: Aura) -> Workspace:
    return await filled(aura)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def talker(data_dir: Path, server: object) -> AsyncIterator[tuple[Aura, Scripted]]:
    model = Scripted()
    async with Aura.open(
        Settings.load(data_dir=data_dir), embed_model=HashEmbedding(), llm=model, recover=False
    ) as aura:
        yield aura, model


@pytest_asyncio.fixture(loop_scope="session")
async def scripted(talker: tuple[Aura, Scripted]) -> tuple[Workspace, Scripted]:
    """An organisation whose model says what the test tells it to."""
    aura, model = talker
    model.forget()
    return await filled(aura), model


async def filled(aura: Aura) -> Workspace:
    acme = await aura.tenants.create(
        organization_name="Acme",
        subdomain=f"acme-{uuid4().hex[:12]}",
        admin_email="ada@acme.test",
        password="correct horse battery staple",
    )
    async for progress in acme.documents.ingest(HANDBOOK.encode(), filename="handbook.md"):
        assert progress.reason is None
    return acme
