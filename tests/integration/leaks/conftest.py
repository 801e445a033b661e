"""One platform with two furnished organisations for all of these tests, behind three kinds of locks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from leaks_support import BOTH, DATABASE_ALONE, FILTER_ALONE, QUESTION, Locks, Side, World, furnish, new_name, new_side
from pytest_asyncio import is_async_test

from aura import Aura, Settings, Workspace
from aura.answering.extractive import ExtractiveLLM
from aura.database import postmaster, security
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.scopes import application_filter
from aura.portal import Portal
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.testing.embeddings import HashEmbedding
from aura.testing.speech import scripted_voice
from aura.workspace import Parts, Principal


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform is one, so its event loop is too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[World]:
    settings = Settings.load(data_dir=data_dir, database_pool_size=5)
    async with Aura.open(
        settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), voice=scripted_voice(QUESTION), recover=False
    ) as opened:
        passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)  # so little work that many members are fast
        parts = msgspec.structs.replace(opened._parts, passwords=passwords)
        aura = Aura(parts, Organisations(parts.database, passwords=passwords, clock=parts.clock))
        sides = [await furnish(await new_side(aura, new_name(name))) for name in ("acme", "globex")]
        yield World(aura, parts, data_dir / "files", *sides)
        passwords.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mallory(world: World) -> Side:
    """A third organisation, which attacks and may change."""
    return await furnish(await new_side(world.aura, new_name("mallory")))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def unguarded(world: World, server: EmbeddedServer) -> AsyncIterator[Parts]:
    """The platform's parts over a connection that row-level security does not bind."""
    url = server.url(postmaster.SUPERUSER)
    database = Database(app_url=url, system_url=server.url(security.SYSTEM))
    portal = Portal(on_close=database.close_loop)
    yield msgspec.structs.replace(world.parts, database=database, portal=portal)
    portal.close()
    await database.close()


@pytest_asyncio.fixture(loop_scope="session", params=[BOTH, DATABASE_ALONE, FILTER_ALONE])
async def locks(request: pytest.FixtureRequest, unguarded: Parts) -> AsyncIterator[Locks]:
    """Each test that asks for it runs with both locks, and with each of them alone."""

    def behind(workspace: Workspace) -> Workspace:
        parts = unguarded if request.param == FILTER_ALONE else workspace._parts
        return Workspace(parts, Principal.of(workspace.organisation, workspace.user))

    application_filter.set(request.param != DATABASE_ALONE)
    yield behind
    application_filter.set(True)


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(world: World) -> Side:
    """An organisation of the test's own, with nothing in it."""
    return await new_side(world.aura, new_name("fresh"))


@pytest_asyncio.fixture(loop_scope="session")
async def pair(world: World) -> tuple[Side, Side]:
    """Two organisations of the test's own."""
    return await new_side(world.aura, new_name("one")), await new_side(world.aura, new_name("two"))
