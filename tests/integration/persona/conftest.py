"""A platform whose clock tests move, and an organisation with an admin and a member."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
from persona_support import PASSWORD, RETURNS, Company
from pytest_asyncio import is_async_test

from aura import Aura, Settings
from aura.answering.extractive import ExtractiveLLM
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.testing.clock import FixedClock
from aura.testing.embeddings import HashEmbedding


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform is one, so its event loop is too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def persona_aura(data_dir: Path, server: object) -> AsyncIterator[Aura]:
    settings, clock = Settings.load(data_dir=data_dir), FixedClock()
    async with Aura.open(
        settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), clock=clock, recover=False
    ) as opened:
        passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)  # so little work that many members are fast
        parts = msgspec.structs.replace(opened._parts, passwords=passwords)
        yield Aura(parts, Organisations(parts.database, passwords=passwords, clock=clock))
        passwords.close()


@pytest_asyncio.fixture(loop_scope="session")
async def company(persona_aura: Aura) -> Company:
    name = f"acme-{uuid4().hex[:12]}"
    programs = await persona_aura.tenants.create(
        organization_name="Acme", subdomain=name, admin_email="ada@acme.test", password=PASSWORD
    )
    await programs.users.add(email="max@acme.test", password=PASSWORD)
    admin = await persona_aura.workspace(name, "ada@acme.test")
    member = await persona_aura.workspace(name, "max@acme.test")
    async for step in admin.documents.ingest(RETURNS, filename="returns.md"):
        assert step.reason is None
    clock = persona_aura.clock
    assert isinstance(clock, FixedClock)
    return Company(aura=persona_aura, clock=clock, name=name, programs=programs, admin=admin, member=member)
