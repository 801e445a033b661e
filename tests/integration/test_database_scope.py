"""A scope is a transaction: what it shows, and that nothing of it stays on the connection."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from database_canaries import organisations_of, sight
from sqlalchemy import func, insert, select, text
from sqlalchemy.pool import QueuePool

from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database, scope_statement
from aura.database.tables import TENANT_TABLES, collections, conversations, organisations
from aura.errors import BackendError, Conflict, InvalidRequest, Unavailable
from aura.identity import Role, Scope, TenantId, UserId


@pytest.fixture
async def small(server: EmbeddedServer) -> AsyncIterator[Database]:
    """A database whose pool holds two connections."""
    database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"), pool_size=2)
    yield database
    await database.close()


@pytest.fixture
async def two(database: Database) -> AsyncIterator[tuple[Scope, Scope]]:
    async with organisations_of(database, 2) as (one, other):
        yield one, other


async def settings_left(database: Database) -> set[str]:
    """What is left of any scope on the pooled connections, asked outside of a scope."""
    left: set[str] = set()

    async def ask() -> None:
        async with database._engine("aura_app").connect() as connection:
            for name in ("aura.tenant_id", "aura.user_id", "aura.role"):
                left.add((await connection.execute(text(f"SELECT current_setting('{name}', true)"))).scalar() or "")
            await asyncio.sleep(0.05)  # so that each gets a connection of its own

    await asyncio.gather(*(ask() for _ in range(10)))
    return left


async def test_a_scope_sees_its_own_tenant_alone(database: Database, two: tuple[Scope, Scope]) -> None:
    for scope in two:
        assert await sight(database, scope) == {str(scope.tenant_id)}


async def test_a_scope_finds_nothing_of_another_tenant_by_its_id(database: Database, two: tuple[Scope, Scope]) -> None:
    mine, foreign = two
    async with database.tenant(mine) as connection:
        for table in (collections, conversations):
            query = select(func.count()).where(table.c.tenant_id == foreign.tenant_id)
            assert (await connection.execute(query)).scalar() == 0


async def test_a_scope_changes_nothing_of_another_tenant(database: Database, two: tuple[Scope, Scope]) -> None:
    mine, foreign = two
    async with database.tenant(mine) as connection:
        here = collections.c.tenant_id == foreign.tenant_id
        assert (await connection.execute(collections.update().where(here).values(name="taken"))).rowcount == 0
        assert (await connection.execute(collections.delete().where(here))).rowcount == 0
    assert await sight(database, foreign) == {str(foreign.tenant_id)}


async def test_a_scope_can_not_write_a_row_for_another_tenant(database: Database, two: tuple[Scope, Scope]) -> None:
    mine, foreign = two
    with pytest.raises(BackendError, match="InsufficientPrivilege"):
        async with database.tenant(mine) as connection:
            await connection.execute(insert(collections).values(tenant_id=foreign.tenant_id, id=uuid4(), name="mine"))
    with pytest.raises(BackendError, match="InsufficientPrivilege"):
        async with database.tenant(mine) as connection:
            await connection.execute(collections.update().values(tenant_id=foreign.tenant_id))


async def test_a_member_does_not_see_another_members_conversations(
    database: Database, two: tuple[Scope, Scope]
) -> None:
    for user_id, role in ((UserId(uuid4()), Role.ADMIN), (None, Role.USER)):
        scope = Scope(tenant_id=two[0].tenant_id, user_id=user_id, role=role)
        async with database.tenant(scope) as connection:
            assert (await connection.execute(select(func.count()).select_from(conversations))).scalar() == 0


async def test_maintenance_of_a_tenant_sees_every_members_conversations_of_it(
    database: Database, two: tuple[Scope, Scope]
) -> None:
    scope = Scope(tenant_id=two[0].tenant_id).as_service()
    assert await sight(database, scope) == {str(two[0].tenant_id)}


async def test_fifty_tasks_of_mixed_tenants_never_see_each_other(database: Database) -> None:
    async with organisations_of(database, 5) as scopes:

        async def work(number: int) -> None:
            chance = random.Random(number)
            for _ in range(12):
                scope = chance.choice(scopes)
                try:
                    async with asyncio.timeout(None if chance.random() < 0.7 else chance.random() / 100):
                        assert await sight(database, scope) == {str(scope.tenant_id)}
                        if chance.random() < 0.2:
                            await fail(database, scope)
                except TimeoutError:
                    continue

        await asyncio.gather(*(work(number) for number in range(50)))
        assert await settings_left(database) == {""}
        for scope in scopes:
            assert await sight(database, scope) == {str(scope.tenant_id)}


async def fail(database: Database, scope: Scope) -> None:
    with pytest.raises(BackendError, match="DivisionByZero"):
        async with database.tenant(scope) as connection:
            await connection.execute(text("SELECT 1/0"))


async def test_a_hundred_tenants_at_once_share_two_connections(small: Database) -> None:
    async with organisations_of(small, 100) as scopes:
        seen = await asyncio.gather(*(sight(small, scope) for scope in scopes for _ in range(2)))
        assert seen == [{str(scope.tenant_id)} for scope in scopes for _ in range(2)]
        async with small.system() as connection:
            query = text(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'aura_app' AND application_name = 'aura'"
            )
            assert (await connection.execute(query)).scalar() == 2


async def test_a_thousand_tenants_one_after_another_need_no_more_connections_or_memory(small: Database) -> None:
    async def visit(count: int) -> None:
        for _ in range(count):
            async with small.tenant(Scope(tenant_id=TenantId(uuid4()))) as connection:
                await connection.execute(select(collections.c.id))

    await visit(50)
    gc.collect()
    before = (
        sys.getallocatedblocks()
    )  # counted, not listed: listing objects breaks other threads that are making a tuple
    await visit(1000)
    gc.collect()
    assert sys.getallocatedblocks() - before < 1_000
    pool = small._engine("aura_app").sync_engine.pool
    assert isinstance(pool, QueuePool)
    assert (pool.checkedin(), pool.checkedout()) == (1, 0)


async def test_a_pool_that_stays_empty_is_unavailable_and_says_what_to_do(server: EmbeddedServer) -> None:
    database = Database(
        app_url=server.url("aura_app"), system_url=server.url("aura_system"), pool_size=1, wait_seconds=0.2
    )
    async with organisations_of(database, 1) as (scope,):
        async with database.tenant(scope):
            with pytest.raises(Unavailable, match="AURA_DATABASE_POOL_SIZE"):
                await sight(database, scope)
        assert await sight(database, scope) == {str(scope.tenant_id)}
    await database.close()


async def test_a_request_cancelled_in_mid_transaction_commits_nothing_and_leaves_the_pool_whole(
    small: Database,
) -> None:
    async with organisations_of(small, 2) as (one, other):

        async def write_and_wait() -> None:
            async with small.tenant(one) as connection:
                await connection.execute(insert(collections).values(tenant_id=one.tenant_id, id=uuid4(), name="lost"))
                await connection.execute(text("SELECT pg_sleep(30)"))

        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await write_and_wait()
        tasks = [asyncio.create_task(write_and_wait()) for _ in range(2)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        assert all(isinstance(r, asyncio.CancelledError) for r in await asyncio.gather(*tasks, return_exceptions=True))
        assert await settings_left(small) == {""}
        for scope in (one, other):
            assert await sight(small, scope) == {str(scope.tenant_id)}
        assert small._engine("aura_app").sync_engine.pool.checkedout() == 0


async def test_a_request_cancelled_again_and_again_while_it_ends_gives_its_connection_back(small: Database) -> None:
    async with organisations_of(small, 1) as (scope,):
        for pause in range(40):

            async def work() -> None:
                async with small.tenant(scope) as connection:
                    await connection.execute(text("SELECT pg_sleep(0.002)"))

            task = asyncio.create_task(work())
            await asyncio.sleep(pause / 5000)
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert small._engine("aura_app").sync_engine.pool.checkedout() == 0
        assert await sight(small, scope) == {str(scope.tenant_id)}


async def test_after_an_error_nothing_of_the_transaction_is_committed(
    database: Database, two: tuple[Scope, Scope]
) -> None:
    scope = two[0]
    half = {"tenant_id": scope.tenant_id, "name": "half"}

    async def write_twice() -> None:
        async with database.tenant(scope) as connection:
            await connection.execute(insert(collections).values(id=uuid4(), **half))
            await connection.execute(insert(collections).values(id=uuid4(), **half))

    async def write_and_fail() -> None:
        async with database.tenant(scope) as connection:
            await connection.execute(insert(collections).values(id=uuid4(), **half))
            raise RuntimeError("ours")

    with pytest.raises(Conflict):
        await write_twice()
    with pytest.raises(RuntimeError, match="ours"):
        await write_and_fail()
    assert await sight(database, scope) == {str(scope.tenant_id)}


async def test_what_the_driver_itself_wrote_is_committed(database: Database, two: tuple[Scope, Scope]) -> None:
    scope = two[0]
    async with database.tenant(scope) as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        values = (scope.tenant_id, uuid4(), "by the driver")
        await driver.execute("INSERT INTO collections (tenant_id, id, name) VALUES (%s, %s, %s)", values)
    assert "by the driver" in await sight(database, scope)


async def test_an_error_that_was_swallowed_does_not_commit_what_came_before_it(
    database: Database, two: tuple[Scope, Scope]
) -> None:
    scope = two[0]
    async with database.tenant(scope) as connection:
        await connection.execute(insert(collections).values(tenant_id=scope.tenant_id, id=uuid4(), name="half"))
        with pytest.raises(Exception, match="division"):
            await connection.execute(text("SELECT 1/0"))
    assert await sight(database, scope) == {str(scope.tenant_id)}


async def test_two_threads_with_a_loop_each_use_one_database(server: EmbeddedServer) -> None:
    database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"), pool_size=2)
    seen: list[tuple[set[str], str]] = []

    async def work(scope: Scope) -> None:
        for _ in range(20):
            results = await asyncio.gather(*(sight(database, scope) for _ in range(3)))
            seen.extend((result, str(scope.tenant_id)) for result in results)
        await database.close_loop()

    async with organisations_of(database, 2) as scopes:
        threads = [threading.Thread(target=asyncio.run, args=(work(scope),)) for scope in scopes]
        for thread in threads:
            thread.start()
        here = await asyncio.gather(*(sight(database, scope) for scope in scopes for _ in range(10)))
        await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in threads))
        assert here == [{str(scope.tenant_id)} for scope in scopes for _ in range(10)]
    assert len(seen) == 120
    assert all(result == {expected} for result, expected in seen)
    await database.close()


async def connections_of(server: EmbeddedServer) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aura'"
    async with await psycopg.AsyncConnection.connect(server.url("postgres")) as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row[0]


async def test_closing_also_closes_the_connections_of_other_loops(server: EmbeddedServer, database: Database) -> None:
    own = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
    async with organisations_of(database, 1) as (scope,):
        before = await connections_of(server)
        ended = asyncio.new_event_loop()
        await asyncio.to_thread(ended.run_until_complete, sight(own, scope))  # a loop that ended without closing
        running = asyncio.new_event_loop()
        thread = threading.Thread(target=running.run_forever)
        thread.start()
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(sight(own, scope), running))
        await sight(own, scope)
        assert await connections_of(server) == before + 3
        await own.close()
        for _ in range(100):  # a server process takes a moment to go
            if await connections_of(server) > before:
                await asyncio.sleep(0.05)
        assert await connections_of(server) == before
        running.call_soon_threadsafe(running.stop)
        await asyncio.to_thread(thread.join)
        running.close()
        ended.close()


@pytest.mark.parametrize("table", [t.name for t in TENANT_TABLES] + ["organisations", "index_384"])
async def test_without_a_scope_a_connection_of_the_application_sees_nothing(
    server: EmbeddedServer, database: Database, two: tuple[Scope, Scope], table: str
) -> None:
    async with await psycopg.AsyncConnection.connect(server.url("aura_app"), autocommit=True) as connection:
        for reset in ("SELECT 1", "SET aura.tenant_id = ''", "RESET ALL"):
            await connection.execute(reset)
            try:
                rows = await (await connection.execute(f"SELECT * FROM {table}")).fetchall()
            except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidTextRepresentation):
                rows = []
            assert rows == []


async def test_a_rollback_in_mid_scope_ends_the_scope(database: Database, two: tuple[Scope, Scope]) -> None:
    async def go_on() -> None:
        async with database.tenant(two[0]) as connection:
            await connection.rollback()
            await connection.execute(select(collections))

    with pytest.raises(BackendError):
        await go_on()


async def test_the_system_role_sees_organisations_but_no_tenants_rows(
    database: Database, two: tuple[Scope, Scope]
) -> None:
    async with database.system() as connection:
        ids = set((await connection.execute(select(organisations.c.id))).scalars())
    assert {scope.tenant_id for scope in two} <= ids


def test_a_scope_that_is_no_uuid_never_becomes_a_statement() -> None:
    for value in ("x", "'; SELECT 1 --", f"{uuid4()}'", f"{uuid4()}\n"):
        with pytest.raises(InvalidRequest):
            scope_statement(Scope(tenant_id=value))  # pyright: ignore[reportArgumentType]
