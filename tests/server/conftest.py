"""One platform behind one application for all of these tests, in one event loop; `world` is furnished and never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test
from server_support import INTERNAL_API_KEY, QUESTION, Served, Tenant, client_of, listening, new_tenant

from aura import Aura, Settings
from aura.answering.extractive import ExtractiveLLM
from aura.database.embedded import EmbeddedServer
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.testing.embeddings import HashEmbedding
from aura.testing.speech import scripted_voice
from aura_server import create_app


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform is one, so its event loop is too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[Aura]:
    generous = {
        "requests_per_minute": 1_000_000,
        "user_requests_per_minute": 1_000_000,
    }  # what is tested here is not that
    settings = Settings.load(data_dir=data_dir, database_pool_size=5, internal_api_key=INTERNAL_API_KEY, **generous)
    async with Aura.open(
        settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), voice=scripted_voice(QUESTION), recover=False
    ) as opened:
        passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)  # so little work that many members are fast
        parts = msgspec.structs.replace(opened._parts, passwords=passwords)
        yield Aura(parts, Organisations(parts.database, passwords=passwords, clock=parts.clock))
        passwords.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(platform: Aura) -> Served:
    acme, globex = [await new_tenant(platform, f"{name}{uuid4().hex[:6]}") for name in ("acme", "globex")]
    return Served(aura=platform, app=create_app(platform), acme=acme, globex=globex)


@pytest.fixture
def acme(world: Served) -> Tenant:
    return world.acme


@pytest.fixture
def globex(world: Served) -> Tenant:
    return world.globex


@pytest_asyncio.fixture(loop_scope="session")
async def client(world: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    async with client_of(world.app) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(world: Served) -> AsyncIterator[str]:
    """Where the application listens, for clients that want a real socket."""
    async with listening(world.app) as address:
        yield address
