from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from access_support import INTERNAL_KEY, Side, new_access, new_side
from sqlalchemy import delete

from aura import Aura, Settings
from aura.access.access import Access
from aura.answering.extractive import ExtractiveLLM
from aura.database.engine import Database
from aura.database.tables import login_attempts
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.testing.clock import FixedClock
from aura.testing.embeddings import HashEmbedding


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    """Argon2 with so little work that tests are fast."""
    passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)
    yield passwords
    passwords.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def organisations(database: Database, passwords: Passwords, clock: FixedClock) -> Organisations:
    return Organisations(database, passwords=passwords, clock=clock)


@pytest.fixture
async def access(database: Database, passwords: Passwords, clock: FixedClock) -> Access:
    async with database.system() as connection:
        await connection.execute(delete(login_attempts))  # what other tests counted at the same addresses
    return new_access(database, passwords, clock, internal_key=INTERNAL_KEY)


@pytest.fixture
async def acme(
    access: Access, database: Database, passwords: Passwords, clock: FixedClock, organisations: Organisations
) -> Side:
    return await new_side(f"acme-{uuid4().hex[:12]}", access, database, passwords, clock, organisations)


@pytest.fixture
async def globex(
    access: Access, database: Database, passwords: Passwords, clock: FixedClock, organisations: Organisations
) -> Side:
    return await new_side(f"globex-{uuid4().hex[:12]}", access, database, passwords, clock, organisations)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def aura(data_dir: Path, server: object) -> AsyncIterator[Aura]:
    """A whole platform, for what a key may do in a workspace."""
    settings = Settings.load(data_dir=data_dir, database_pool_size=5)
    async with Aura.open(settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), recover=False) as opened:
        yield opened
