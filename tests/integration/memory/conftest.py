"""An organisation with an admin and a member."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from memory_support import PASSWORD, Company
from pytest_asyncio import is_async_test

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.documents.values import Visibility
from aura.testing.embeddings import HashEmbedding


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform is one, so its event loop is too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def memory_aura(data_dir: Path, server: object) -> AsyncIterator[Aura]:
    settings = Settings.load(data_dir=data_dir)
    async with Aura.open(settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), recover=False) as aura:
        yield aura


@pytest_asyncio.fixture(loop_scope="session")
async def pair(memory_aura: Aura) -> tuple[Workspace, Workspace]:
    """Two members of one organisation that has no documents."""
    name = f"pair-{uuid4().hex[:12]}"
    programs = await memory_aura.tenants.create(
        organization_name="Pair", subdomain=name, admin_email="ada@pair.test", password=PASSWORD
    )
    await programs.users.add(email="max@pair.test", password=PASSWORD)
    return await memory_aura.workspace(name, "ada@pair.test"), await memory_aura.workspace(name, "max@pair.test")


@pytest.fixture
def ada(pair: tuple[Workspace, Workspace]) -> Workspace:
    """One of them."""
    return pair[0]


@pytest_asyncio.fixture(loop_scope="session")
async def bare_company(memory_aura: Aura) -> Company:
    """An organisation with an admin and a member, and no documents: each takes a second to be ingested."""
    name = f"acme-{uuid4().hex[:12]}"
    programs = await memory_aura.tenants.create(
        organization_name="Acme", subdomain=name, admin_email="ada@acme.test", password=PASSWORD
    )
    await programs.users.add(email="max@acme.test", password=PASSWORD)
    admin = await memory_aura.workspace(name, "ada@acme.test")
    member = await memory_aura.workspace(name, "max@acme.test")
    return Company(memory_aura, name, programs, admin, member)


@pytest_asyncio.fixture(loop_scope="session")
async def company(bare_company: Company) -> Company:
    """The same with a document for everybody."""
    text = b"# Returns\n\nCustomers may return any product within 47 days of delivery.\n"
    await _ingested(bare_company.admin, text, Visibility.ORGANIZATION)
    return bare_company


@pytest_asyncio.fixture(loop_scope="session")
async def salary(company: Company) -> None:
    """A private document of the member."""
    await _ingested(
        company.member, b"# Salary\n\nThe salary of Maximilian is 4711 guilders a month.\n", Visibility.PRIVATE
    )


async def _ingested(owner: Workspace, text: bytes, visibility: Visibility) -> None:
    async for step in owner.documents.ingest(text, filename="doc.md", visibility=visibility):
        assert step.reason is None
