"""Statements that try to leave their tenant: each is refused, or shows nothing foreign.

They are written as text, as an injection would bring them, and without any predicate of the application: what holds here
is the database alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from database_canaries import organisations_of, sight
from sqlalchemy import Column, insert, select, text, true
from sqlalchemy.exc import DBAPIError

from aura.database.engine import Database
from aura.database.tables import (
    chunks,
    collections,
    conversations,
    documents,
    index_table,
    messages,
    organisations,
    provider_keys,
    users,
)
from aura.errors import AuraError, BackendError
from aura.identity import Role, Scope, UserId

# In each of them {foreign} is the tenant that the attacker is after.
REFUSED = [
    "SELECT 1; SET LOCAL aura.tenant_id = '{foreign}'",
    "SELECT 1; RESET ALL",
    "SELECT 1; COMMIT; SET aura.tenant_id = '{foreign}'",
    "SET LOCAL aura.tenant_id = '{foreign}'; SELECT name FROM collections",
    "SELECT set_config('aura.tenant_id', '{foreign}', true)",
    "SELECT pg_catalog.set_config('aura.tenant_id', '{foreign}', true), name FROM collections",
    "SELECT name FROM collections WHERE pg_catalog.set_config('aura.tenant_id', '{foreign}', true) IS NOT NULL",
    "WITH x AS MATERIALIZED (SELECT set_config('aura.tenant_id', '{foreign}', true)) SELECT name FROM x, collections",
    "SELECT query_to_xml('SET LOCAL aura.tenant_id = ''{foreign}''', true, true, '')",
    "SELECT query_to_xml('SELECT set_config(''aura.tenant_id'', ''{foreign}'', true)', true, true, '')",
    "DO $$ BEGIN PERFORM set_config('aura.tenant_id', '{foreign}', true); END $$",
    "UPDATE pg_settings SET setting = '{foreign}' WHERE name = 'aura.tenant_id'",
    "SET ROLE aura_owner",
    "SET ROLE aura_system",
    "SET ROLE postgres",
    "SET LOCAL ROLE aura_owner",
    "SET SESSION AUTHORIZATION aura_owner",
    "SET SESSION AUTHORIZATION postgres",
    "ALTER TABLE collections DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE collections NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY tenant ON collections",
    "CREATE POLICY mine ON collections USING (true)",
    "ALTER TABLE collections OWNER TO aura_app",
    "GRANT aura_owner TO aura_app",
    "ALTER ROLE aura_app BYPASSRLS",
    "ALTER ROLE aura_app SUPERUSER",
    "TRUNCATE collections",
    "COPY collections TO PROGRAM 'cat'",
    "COPY collections TO '/tmp/stolen'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT * FROM pg_authid",
    "CREATE SCHEMA mine",
    "CREATE TABLE public.mine (x int)",
    "CREATE TEMPORARY TABLE collections (name text)",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION dblink",
    "SELECT name FROM aura_create_index_table('mine', 3, ''), collections",
    "SELECT aura_partition('collections')",
    "SELECT * FROM chunks_p0",
    "SELECT * FROM index_384_p0",
    "LOCK TABLE chunks_p0",
    "DECLARE c CURSOR WITH HOLD FOR SELECT name FROM collections; FETCH ALL FROM c",
    "PREPARE TRANSACTION 'mine'",
]
CONFINED = [
    "SELECT name FROM collections WHERE tenant_id = '{foreign}'",
    "SELECT name FROM collections WHERE tenant_id <> '{foreign}' OR true",
    "SELECT name FROM collections UNION ALL SELECT title FROM conversations UNION ALL SELECT subdomain FROM organisations",
    "SELECT c FROM collections c",
    "SELECT to_jsonb(c)::text FROM collections c",
    "SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', name) FROM collections')",
    "TABLE collections",
    "SELECT most_common_vals::text FROM pg_stats WHERE schemaname = 'public'",
    "SELECT histogram_bounds::text FROM pg_stats WHERE schemaname = 'public'",
    "SET LOCAL row_security = off",
    "RESET aura.tenant_id",
    "RESET ALL",
    "DISCARD PLANS",
    "SET LOCAL search_path = pg_temp, information_schema",
    "UPDATE collections SET name = name RETURNING name",
    "DELETE FROM collections RETURNING name",
    "UPDATE collections SET id = id WHERE tenant_id = '{foreign}' RETURNING name",
    "INSERT INTO collections TABLE collections ON CONFLICT (tenant_id, id) DO UPDATE SET name = 'x' RETURNING name",
    "SELECT name FROM collections TABLESAMPLE SYSTEM (100)",
    "SELECT name FROM collections WHERE 1 / (CASE WHEN name = '{foreign}' THEN 0 ELSE 1 END) = 1",
    "EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) SELECT name FROM collections WHERE name = name || ''",
]


@pytest.fixture
async def two(database: Database) -> AsyncIterator[tuple[Scope, Scope]]:
    async with organisations_of(database, 2) as (mine, foreign):
        yield mine, foreign


async def attempt(database: Database, scope: Scope, statement: str) -> list[str]:
    """What a scope reads by `statement`, and afterwards in the same transaction."""
    async with database.tenant(scope) as connection:
        result = await connection.exec_driver_sql(statement)
        seen = [str(row) for row in result] if result.returns_rows else []
        with suppress(DBAPIError):  # without a scope, or without the tables, nothing is seen
            for table in (collections, conversations, organisations):
                seen += [str(row) for row in await connection.execute(select(table))]
        await connection.rollback()
        return seen


@pytest.mark.parametrize("statement", REFUSED)
async def test_a_statement_that_leaves_the_tenant_is_refused(
    database: Database, two: tuple[Scope, Scope], statement: str
) -> None:
    mine, foreign = two
    with pytest.raises(BackendError) as raised:
        await attempt(database, mine, statement.format(foreign=foreign.tenant_id))
    assert str(foreign.tenant_id) not in str(raised.value)
    assert await sight(database, mine) == {str(mine.tenant_id)}
    assert await sight(database, foreign) == {str(foreign.tenant_id)}


@pytest.mark.parametrize("statement", CONFINED)
async def test_a_statement_without_any_predicate_shows_nothing_foreign(
    database: Database, two: tuple[Scope, Scope], statement: str
) -> None:
    mine, foreign = two
    seen = await attempt(database, mine, statement.format(foreign=foreign.tenant_id))
    assert not [row for row in seen if str(foreign.tenant_id) in row]
    assert await sight(database, foreign) == {str(foreign.tenant_id)}


HOSTILE = [statement for statement in (*REFUSED, *CONFINED) if "'" in statement] + [
    "x' OR '1'='1",
    "'; DROP TABLE collections; --",
    "%(tenant)s %s %% :tenant {tenant}",
    "\\'; RESET ALL; --",
    "$$; SET ROLE aura_owner; $$",
    "0",
    "007",
    "nan",
    "1e1",
    "\u202e",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "x" * 1_000_000,
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_the_same_text_as_a_value_is_data(database: Database, two: tuple[Scope, Scope], value: str) -> None:
    mine, foreign = two
    value = value.replace("{foreign}", str(foreign.tenant_id))
    async with database.tenant(mine) as connection:
        row = {"tenant_id": mine.tenant_id, "id": uuid4(), "name": str(uuid4()), "description": value}
        await connection.execute(insert(collections).values(row))
        query = select(collections.c.description).where(collections.c.description == value)
        assert (await connection.execute(query)).scalars().all() == [value]
        assert (await connection.execute(text("SELECT CAST(:value AS text)"), {"value": value})).scalar() == value
    assert await sight(database, foreign) == {str(foreign.tenant_id)}


async def test_a_second_statement_is_refused_however_it_is_sent(database: Database, two: tuple[Scope, Scope]) -> None:
    mine, foreign = two
    stacked = f"SELECT 1; SET LOCAL aura.tenant_id = '{foreign.tenant_id}'"

    async def streamed() -> None:
        async with database.tenant(mine) as connection, connection.stream(text(stacked)) as result:
            await result.all()

    async def many() -> None:
        async with database.tenant(mine) as connection:
            stacked_insert = f"SELECT %(x)s::int; SET LOCAL aura.tenant_id = '{foreign.tenant_id}'"
            await connection.exec_driver_sql(stacked_insert, [{"x": 1}, {"x": 2}])

    async def by_the_driver() -> None:
        async with database.tenant(mine) as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.execute(stacked)

    async def by_copy() -> None:
        async with database.tenant(mine) as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            async with driver.cursor().copy(f"COPY (SELECT 1) TO STDOUT; {stacked}") as copy:
                async for _ in copy:
                    pass

    for send in (streamed, many, by_the_driver, by_copy):
        with pytest.raises(AuraError):
            await send()
    assert await sight(database, mine) == {str(mine.tenant_id)}


async def test_copying_a_table_out_copies_ones_own_rows(database: Database, two: tuple[Scope, Scope]) -> None:
    mine, _ = two
    async with database.tenant(mine) as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        async with driver.cursor().copy("COPY collections (name) TO STDOUT") as copy:
            assert [bytes(line).decode().strip() async for line in copy] == [str(mine.tenant_id)]


async def test_a_foreign_id_and_an_unknown_id_are_refused_alike(database: Database, two: tuple[Scope, Scope]) -> None:
    mine, foreign = two
    async with database.tenant(foreign) as connection:
        known = (await connection.execute(select(collections.c.id))).scalar_one()
    answers: set[str] = set()

    async def write(collection: UUID) -> None:
        async with database.tenant(mine) as connection:
            row = {"id": uuid4(), "filename": "x", "sha256": "x", "size_bytes": 1, "stage": "ready"}
            await connection.execute(
                insert(documents).values(tenant_id=mine.tenant_id, collection_id=collection, **row)
            )

    for collection in (known, uuid4()):
        with pytest.raises(AuraError) as raised:
            await write(collection)
        answers.add(f"{type(raised.value)} {raised.value}")
    assert len(answers) == 1


async def test_the_same_ids_and_names_may_exist_in_two_tenants(database: Database, two: tuple[Scope, Scope]) -> None:
    shared = uuid4()
    for scope in two:
        async with database.tenant(scope) as connection:
            row = {"tenant_id": scope.tenant_id, "id": shared, "name": "same", "description": str(scope.tenant_id)}
            await connection.execute(insert(collections).values(row))
    for scope in two:
        async with database.tenant(scope) as connection:
            query = select(collections.c.description).where(collections.c.id == shared)
            assert (await connection.execute(query)).scalars().all() == [str(scope.tenant_id)]


@pytest.mark.parametrize(
    "column",
    [
        documents.c.id,
        chunks.c.id,
        conversations.c.id,
        messages.c.id,
        provider_keys.c.ciphertext,
        users.c.persona_settings,
    ],
    ids=str,
)
async def test_the_system_role_can_not_read_what_belongs_to_tenants(database: Database, column: Column[object]) -> None:
    async def read() -> None:
        async with database.system() as connection:
            await connection.execute(select(column))

    with pytest.raises(BackendError, match="InsufficientPrivilege"):
        await read()


async def test_the_system_role_can_not_become_the_application(database: Database) -> None:
    async def become() -> None:
        async with database.system() as connection:
            await connection.execute(text("SET LOCAL ROLE aura_app"))

    with pytest.raises(BackendError, match="InsufficientPrivilege"):
        await become()


async def create_dedicated(database: Database, scope: Scope, generation: UUID, dimension: object) -> str:
    async with database.tenant(scope) as connection:
        made = await connection.execute(
            text("SELECT aura_create_dedicated_index(:generation, :dimension)"),
            {"generation": generation, "dimension": dimension},
        )
        return made.scalar_one()


async def drop_dedicated(database: Database, scope: Scope, generation: UUID) -> None:
    async with database.tenant(scope) as connection:
        await connection.execute(text("SELECT aura_drop_dedicated_index(:generation)"), {"generation": generation})


async def test_a_tenant_drops_its_own_index_table_and_no_other(database: Database, two: tuple[Scope, Scope]) -> None:
    mine, foreign = two
    generation = uuid4()
    table = await create_dedicated(database, foreign, generation, 3)
    with pytest.raises(BackendError) as of_foreign:
        await drop_dedicated(database, mine, generation)
    with pytest.raises(BackendError) as of_unknown:
        await drop_dedicated(database, mine, uuid4())
    assert str(of_foreign.value) == str(of_unknown.value)
    async with database.tenant(foreign) as connection:
        assert (await connection.execute(select(true()).select_from(index_table(table)))).all() == []
    await drop_dedicated(database, foreign, generation)
    with pytest.raises(BackendError):
        await drop_dedicated(database, foreign, generation)


async def test_an_index_table_of_its_own_shows_nothing_to_another_tenant(
    database: Database, two: tuple[Scope, Scope]
) -> None:
    mine, foreign = two
    generation = uuid4()
    table = await create_dedicated(database, foreign, generation, 3)
    try:
        async with database.tenant(foreign) as connection:
            await connection.execute(
                insert(chunks).values(tenant_id=foreign.tenant_id, id="c", text="canary", text_sha256=b"")
            )
            await connection.exec_driver_sql(
                f"INSERT INTO {table} (tenant_id, generation_id, chunk_id, embedding, terms) VALUES"
                " (%s, %s, 'c', '[1,2,3]', '{1:1}/1000000000')",
                (foreign.tenant_id, generation),
            )
        counts: list[object] = []
        for scope in (foreign, mine, mine.as_service()):
            async with database.tenant(scope) as connection:
                counts.append((await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar())
        assert counts == [1, 0, 0]
    finally:
        await drop_dedicated(database, foreign, generation)


@pytest.mark.parametrize("dimension", [0, -1, 4001, 2**31 - 1, None])
async def test_an_index_of_an_impossible_dimension_is_refused(
    database: Database, two: tuple[Scope, Scope], dimension: int | None
) -> None:
    async def pooled() -> None:
        async with database.tenant(two[0]) as connection:
            await connection.execute(text("SELECT aura_create_pooled_index(:dimension)"), {"dimension": dimension})

    with pytest.raises(BackendError):
        await create_dedicated(database, two[0], uuid4(), dimension)
    with pytest.raises(BackendError):
        await pooled()


@pytest.mark.parametrize("argument", ["'x; DROP TABLE collections'", "'3) ; --'", "NULL"])
async def test_the_arguments_of_the_index_functions_can_hold_no_sql(
    database: Database, two: tuple[Scope, Scope], argument: str
) -> None:
    async def call(statement: str) -> None:
        async with database.tenant(two[0]) as connection:
            await connection.execute(text(statement))

    for statement in (
        f"SELECT aura_create_dedicated_index({argument}, 3)",
        f"SELECT aura_create_pooled_index({argument})",
        f"SELECT aura_build_dedicated_index({argument})",
        f"SELECT aura_drop_dedicated_index({argument})",
    ):
        with pytest.raises(BackendError):
            await call(statement)


async def test_private_rows_are_their_members_alone(database: Database, two: tuple[Scope, Scope]) -> None:
    mine = two[0]
    member, admin = UserId(uuid4()), UserId(uuid4())
    async with database.tenant(Scope(tenant_id=mine.tenant_id, user_id=member)) as connection:
        collection = (await connection.execute(select(collections.c.id))).scalar_one()
        row = {"filename": "diary", "sha256": "x", "size_bytes": 1, "stage": "ready", "collection_id": collection}
        for private_to in (member, None):
            await connection.execute(
                insert(documents).values(tenant_id=mine.tenant_id, id=uuid4(), private_to=private_to, **row)
            )
    seen: list[int] = []
    for user, role in ((member, Role.USER), (admin, Role.ADMIN), (None, Role.USER), (None, Role.SERVICE)):
        async with database.tenant(Scope(tenant_id=mine.tenant_id, user_id=user, role=role)) as connection:
            seen.append(len((await connection.execute(select(documents.c.id))).all()))
    assert seen == [2, 1, 1, 2]


async def test_a_member_can_not_write_in_another_members_name(database: Database, two: tuple[Scope, Scope]) -> None:
    mine = two[0]

    async def write(**values: object) -> None:
        async with database.tenant(mine) as connection:
            await connection.execute(insert(conversations).values(tenant_id=mine.tenant_id, id=uuid4(), **values))

    for user_id in (uuid4(), None):
        with pytest.raises(BackendError, match="InsufficientPrivilege"):
            await write(user_id=user_id)
