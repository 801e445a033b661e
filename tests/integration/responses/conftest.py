"""One platform, an organisation for each test, and as many replicas as a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test
from responses_support import FragileDatabase, Replica, Replicas, Speaker

from aura import Aura, Settings, Workspace
from aura.database.embedded import EmbeddedServer
from aura.testing.embeddings import HashEmbedding


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform is one, so its event loop is too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[tuple[Aura, Speaker]]:
    model = Speaker()
    settings = Settings.load(data_dir=data_dir)
    async with Aura.open(settings, embed_model=HashEmbedding(), llm=model, recover=False) as aura:
        yield aura, model


@pytest.fixture
def speaker(platform: tuple[Aura, Speaker]) -> Speaker:
    platform[1].forget()
    return platform[1]


@pytest_asyncio.fixture(loop_scope="session")
async def replicas(server: EmbeddedServer) -> AsyncIterator[Replicas]:
    async with AsyncExitStack() as stack:

        def make(**options: float) -> Replica:
            database = FragileDatabase(
                app_url=server.url("aura_app"), system_url=server.url("aura_system"), pool_size=4
            )
            replica = Replica(database, **options)
            stack.push_async_callback(database.close)
            stack.push_async_callback(replica.responses.close)
            return replica

        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def acme(platform: tuple[Aura, Speaker], speaker: Speaker) -> Workspace:
    aura, _ = platform
    name = f"acme-{uuid4().hex[:12]}"
    await aura.tenants.create(
        organization_name="Acme",
        subdomain=name,
        admin_email="ada@acme.test",
        password="correct horse battery staple",
    )
    return await aura.workspace(name)
