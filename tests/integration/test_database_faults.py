"""The database going away: what the caller is told, and that the next query after it returns works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from database_canaries import organisations_of, place, sight
from sqlalchemy import insert, text

from aura.database import postmaster
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database, psycopg_url, translated
from aura.database.tables import collections
from aura.errors import AuraError, BackendError, Conflict, InvalidRequest, Unavailable
from aura.identity import Scope

AWAY = "the database is away.*`aura doctor`"


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedServer]:
    """A server that may be stopped: it is nobody else's."""
    with place() as data_dir:
        server = EmbeddedServer.start(data_dir)
        yield server
        server.stop()


@pytest.fixture
async def shaky(own: EmbeddedServer) -> AsyncIterator[Database]:
    database = Database(app_url=own.url("aura_app"), system_url=own.url("aura_system"), pool_size=10)
    yield database
    await database.close()


@pytest.fixture
async def scope(shaky: Database) -> AsyncIterator[Scope]:
    async with organisations_of(shaky, 1) as (scope,):
        yield scope


async def end_connections(server: EmbeddedServer) -> int:
    """End every connection of the application, as an administrator or a fail-over does."""
    query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'aura'"
    async with await psycopg.AsyncConnection.connect(server.url("postgres")) as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row[0]


async def fill_pool(database: Database, scope: Scope) -> None:
    async def hold() -> None:
        async with database.tenant(scope):
            await asyncio.sleep(0.2)

    await asyncio.gather(*(hold() for _ in range(10)))


async def test_a_query_whose_connection_is_ended_is_unavailable_and_the_next_one_works(
    own: EmbeddedServer, shaky: Database, scope: Scope
) -> None:
    async def wait() -> None:
        async with shaky.tenant(scope) as connection:
            await connection.execute(insert(collections).values(tenant_id=scope.tenant_id, id=uuid4(), name="lost"))
            await connection.execute(text("SELECT pg_sleep(30)"))

    tasks = [asyncio.create_task(wait()) for _ in range(3)]
    await asyncio.sleep(0.3)
    await end_connections(own)
    for task in tasks:
        with pytest.raises(Unavailable, match=AWAY) as raised:
            await task
        assert raised.value.retry_after_seconds > 0
    assert await sight(shaky, scope) == {str(scope.tenant_id)}


async def test_connections_that_died_while_idle_are_replaced_unnoticed(
    own: EmbeddedServer, shaky: Database, scope: Scope
) -> None:
    await fill_pool(shaky, scope)
    assert await end_connections(own) >= 10
    seen = await asyncio.gather(*(sight(shaky, scope) for _ in range(30)))
    assert seen == [{str(scope.tenant_id)}] * 30


async def test_while_the_server_is_stopped_every_query_is_unavailable_and_works_once_it_is_back(
    own: EmbeddedServer, shaky: Database, scope: Scope
) -> None:
    await fill_pool(shaky, scope)
    waiting = asyncio.create_task(pause(shaky, scope))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(postmaster.stop, own._directory)
    with pytest.raises(Unavailable, match=AWAY):
        await waiting
    results = await asyncio.gather(*(sight(shaky, scope) for _ in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {Unavailable}
    await asyncio.to_thread(own.ensure_running)
    seen = await asyncio.gather(*(sight(shaky, scope) for _ in range(20)))
    assert seen == [{str(scope.tenant_id)}] * 20


async def pause(database: Database, scope: Scope) -> None:
    async with database.tenant(scope) as connection:
        await connection.execute(text("SELECT pg_sleep(30)"))


async def test_a_server_that_goes_before_the_commit_is_unavailable(
    own: EmbeddedServer, shaky: Database, scope: Scope
) -> None:
    async def write() -> None:
        async with shaky.tenant(scope) as connection:
            await connection.execute(insert(collections).values(tenant_id=scope.tenant_id, id=uuid4(), name="lost"))
            await end_connections(own)

    with pytest.raises(Unavailable, match=AWAY):
        await write()
    assert await sight(shaky, scope) == {str(scope.tenant_id)}


async def test_the_self_check_of_an_absent_database_is_unavailable(server: EmbeddedServer) -> None:
    nowhere = "postgresql://aura_app:x@127.0.0.1:1/aura"
    database = Database(app_url=nowhere, system_url=nowhere)
    with pytest.raises(Unavailable, match=AWAY):
        await database.check()
    await database.close()


async def test_a_wrong_password_is_not_taken_for_an_absent_database(server: EmbeddedServer) -> None:
    wrong = psycopg_url(server.url("aura_app")).set(password="wrong").render_as_string(hide_password=False)
    database = Database(app_url=wrong, system_url=wrong)
    with pytest.raises(BackendError, match="password"):
        await database.check()
    await database.close()


async def test_a_deadlock_is_worth_another_try(shaky: Database, scope: Scope) -> None:
    names = ("one", "other")
    async with shaky.tenant(scope) as connection:
        for name in names:
            await connection.execute(insert(collections).values(tenant_id=scope.tenant_id, id=uuid4(), name=name))
    meet = asyncio.Barrier(2)

    async def rename(first: str, second: str) -> None:
        async with shaky.tenant(scope) as connection:
            for step, name in enumerate((first, second)):
                change = collections.update().where(collections.c.name == name).values(description=first)
                await connection.execute(change)
                if step == 0:
                    await meet.wait()

    results = await asyncio.gather(rename(*names), rename(*reversed(names)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Unavailable"]


async def test_a_value_with_nul_is_an_invalid_request(shaky: Database, scope: Scope) -> None:
    async def write() -> None:
        async with shaky.tenant(scope) as connection:
            await connection.execute(insert(collections).values(tenant_id=scope.tenant_id, id=uuid4(), name="a\0b"))

    with pytest.raises(InvalidRequest, match="NUL"):
        await write()


async def test_errors_quote_neither_users_text_nor_secrets(shaky: Database, scope: Scope, own: EmbeddedServer) -> None:
    async def write(**values: object) -> None:
        async with shaky.tenant(scope) as connection:
            for _ in range(2):
                await connection.execute(insert(collections).values(tenant_id=scope.tenant_id, id=uuid4(), **values))

    for values in ({"name": "canary"}, {"name": "canary", "created_at": None}):
        with pytest.raises(AuraError) as raised:
            await write(**values)
        error: BaseException | None = raised.value
        assert "canary" not in str(error)
        while error is not None:
            assert own._secrets.app not in str(error)
            error = error.__cause__


@pytest.mark.parametrize(
    "url", ["", "nonsense", "postgresql://a:secret-canary@[::1/x", "http//secret-canary", "://secret-canary"]
)
def test_an_address_that_is_no_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidRequest, match=r"postgresql://user:password@host/name") as raised:
        psycopg_url(url)
    assert "secret-canary" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_whatever_driver_an_address_names_it_is_psycopg_3(scheme: str) -> None:
    assert psycopg_url(f"{scheme}://u:p@h/d").drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://u:p@h/d"])
def test_an_address_of_another_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="postgresql://"):
        psycopg_url(url)


def _errors(root: type[psycopg.Error]) -> set[type[psycopg.Error]]:
    found = {root}
    for child in root.__subclasses__():
        found |= _errors(child)
    return found


def test_every_error_of_the_driver_becomes_one_of_ours() -> None:
    kinds = _errors(psycopg.Error)
    assert len(kinds) > 200
    for kind in kinds:
        with pytest.raises(AuraError), translated():
            raise kind("text of a user")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (psycopg.errors.AdminShutdown, Unavailable),
        (psycopg.errors.CannotConnectNow, Unavailable),
        (psycopg.errors.ConnectionFailure, Unavailable),
        (psycopg.errors.TooManyConnections, Unavailable),
        (psycopg.errors.DiskFull, Unavailable),
        (psycopg.errors.SerializationFailure, Unavailable),
        (psycopg.errors.UniqueViolation, Conflict),
        (psycopg.errors.ForeignKeyViolation, BackendError),
        (psycopg.errors.InsufficientPrivilege, BackendError),
        (psycopg.errors.UndefinedTable, BackendError),
    ],
)
def test_an_error_says_whether_trying_again_helps(kind: type[psycopg.Error], expected: type[AuraError]) -> None:
    with pytest.raises(expected), translated():
        raise kind
