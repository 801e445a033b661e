"""Two server processes on the data directory of the tests' own platform: two replicas of one server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from faults_support import SHORT_LEASE, Member, Replica, new_member, replica

from aura import Aura
from aura.database.embedded import EmbeddedServer


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def one(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[Replica]:
    async with replica(data_dir, settings=SHORT_LEASE) as started:
        yield started


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def other(data_dir: Path, server: EmbeddedServer) -> AsyncIterator[Replica]:
    async with replica(data_dir, settings=SHORT_LEASE) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def member(platform: Aura) -> Member:
    return await new_member(platform)
