"""A server that somebody else runs: what `aura db check` finds, `aura db upgrade` does, and the start refuses.

The server here is a bare one of this module alone, as an administrator would hand it over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from database_canaries import organisations_of, place, sight
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.engine import URL

from aura.database import migrations, postmaster, security
from aura.database.check import Addresses, Check, Upgrade, report, report_addresses, upgrade
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.database.tables import collections
from aura.errors import AuraError, BackendError, Conflict, Denied, InvalidRequest, Unavailable
from aura.settings import Settings

PASSWORD = 'it\'s a "pass" word'
ROLES = ("aura_owner", "aura_app", "aura_system")


class Managed:
    """A PostgreSQL with an administrator, an empty database `aura`, and nothing of AURA's."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "postgres"
        postmaster.create(self.directory, password=PASSWORD)
        self.host = postmaster.start(self.directory)
        self.run("CREATE DATABASE aura", database="postgres")

    def run(self, *statements: str, database: str = "aura") -> list[tuple[object, ...]]:
        address = make_conninfo(host=str(self.host), user="postgres", password=PASSWORD, dbname=database)
        with psycopg.connect(address, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def url(self, role: str, database: str = "aura") -> str:
        address = URL.create("postgresql", role, PASSWORD, database=database, query={"host": str(self.host)})
        return address.render_as_string(hide_password=False)

    def settings(self, *, owner: bool = True) -> Settings:
        return Settings.load(
            database_url=self.url("aura_app"),
            system_database_url=self.url("aura_system"),
            jwt_secret="jwt-canary-0123456789-0123456789-abc",
            owner_database_url=self.url("aura_owner") if owner else None,
            secret_key="x" * 43,
        )


@pytest.fixture(scope="module")
def bare() -> Iterator[Managed]:
    with place() as folder:
        managed = Managed(folder)
        yield managed
        postmaster.stop(managed.directory)


@pytest.fixture(scope="module")
def managed(bare: Managed) -> Managed:
    """The server after its administrator ran the statements, and `aura db upgrade`."""
    if bare.run("SELECT 1 FROM pg_roles WHERE rolname = 'aura_app'") == []:
        bare.run(*security.bootstrap("aura", dict.fromkeys(ROLES, PASSWORD)))
    asyncio.run(upgrade(bare.settings()))
    return bare


@pytest.fixture
async def database(managed: Managed) -> AsyncIterator[Database]:
    database = Database(app_url=managed.url("aura_app"), system_url=managed.url("aura_system"))
    yield database
    await database.close()


@contextmanager
def changed(managed: Managed, change: str, back: str) -> Iterator[None]:
    managed.run(change)
    try:
        yield
    finally:
        managed.run(back)


def failed(checks: list[Check]) -> dict[str, Check]:
    return {check.subject: check for check in checks if not check.passed}


async def repairs(managed: Managed) -> list[str]:
    """Every statement that the check prints."""
    return [statement for check in await report(managed.settings()) for statement in check.repair]


# In this order: the first tests see the server before anything was done to it.


async def test_on_a_new_server_the_check_prints_the_statements_that_make_the_roles(bare: Managed) -> None:
    checks = failed(await report(bare.settings()))
    assert set(checks) == {f"connection as {role}" for role in ROLES}
    for check in checks.values():
        assert check.repair == tuple(security.bootstrap("aura", {}))
        assert PASSWORD not in check.detail


async def test_an_upgrade_without_the_roles_is_refused(bare: Managed) -> None:
    with pytest.raises(BackendError, match="does not let this role in"):
        await upgrade(bare.settings())


async def test_an_upgrade_by_another_role_names_the_statements_and_changes_nothing(bare: Managed) -> None:
    settings = bare.settings().model_copy(update={"owner_database_url": SecretStr(bare.url("postgres"))})
    with pytest.raises(Conflict, match=r"pgvector: .*CREATE EXTENSION vector.*CREATE ROLE aura_owner"):
        await upgrade(settings)
    assert bare.run("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


async def test_after_the_statements_only_the_migrations_are_missing(bare: Managed) -> None:
    bare.run(*security.bootstrap("aura", dict.fromkeys(ROLES, PASSWORD)))
    checks = failed(await report(bare.settings()))
    assert {subject: check.repair for subject, check in checks.items()} == {"migrations": ("aura db upgrade",)}


async def test_several_upgrades_at_once_migrate_once(bare: Managed) -> None:
    results = await asyncio.gather(*(upgrade(bare.settings()) for _ in range(4)))
    head = migrations.head()
    assert sorted(results, key=lambda result: result.before or "") == [
        Upgrade(before=None, after=head),
        *[Upgrade(before=head, after=head)] * 3,
    ]


async def test_a_server_that_is_ready_passes_every_check(managed: Managed, database: Database) -> None:
    checks = await report(managed.settings())
    assert failed(checks) == {}
    assert [check.subject for check in checks] == [
        "connection as aura_app",
        "PostgreSQL",
        "pgvector",
        "migrations",
        "isolation as aura_app",
        "connection as aura_system",
        "isolation as aura_system",
        "connection as aura_owner",
    ]
    await database.check()


async def test_without_the_owners_address_only_an_upgrade_is_refused(managed: Managed) -> None:
    assert failed(await report(managed.settings(owner=False))) == {}
    with pytest.raises(InvalidRequest, match="AURA_OWNER_DATABASE_URL"):
        await upgrade(managed.settings(owner=False))


async def test_a_database_of_a_newer_aura_is_not_upgraded(managed: Managed) -> None:
    head = migrations.head()
    change = "UPDATE alembic_version SET version_num = '{}'"
    with changed(managed, change.format("9999"), change.format(head)):
        with pytest.raises(Conflict, match=r"'9999'.*newer"):
            await upgrade(managed.settings())
        assert failed(await report(managed.settings()))["migrations"].repair == (
            "install the newer AURA that migrated it",
        )


async def test_a_server_that_is_away_is_reported_without_statements() -> None:
    nowhere = "postgresql://aura_app:secret-canary@127.0.0.1:1/aura"
    checks = await report_addresses(Addresses(app=nowhere, system=nowhere, owner=None))
    assert [(check.passed, check.repair) for check in checks] == [(False, ())] * 2
    assert "secret-canary" not in repr(checks)


async def test_addresses_do_not_show_their_passwords() -> None:
    assert "secret" not in repr(Addresses(app="secret", system="secret", owner="secret"))


async def test_the_embedded_server_passes_every_check(data_dir: Path, server: EmbeddedServer) -> None:
    assert failed(await report(Settings(data_dir=data_dir))) == {}
    head = migrations.head()
    assert await upgrade(Settings(data_dir=data_dir)) == Upgrade(before=head, after=head)


UNSAFE = {
    "a superuser": ("ALTER ROLE aura_app SUPERUSER", "ALTER ROLE aura_app NOSUPERUSER", "NOSUPERUSER"),
    "one that bypasses it": ("ALTER ROLE aura_app BYPASSRLS", "ALTER ROLE aura_app NOBYPASSRLS", "NOBYPASSRLS"),
    "one that makes roles": ("ALTER ROLE aura_app CREATEROLE", "ALTER ROLE aura_app NOCREATEROLE", "NOCREATEROLE"),
    "one that replicates": ("ALTER ROLE aura_app REPLICATION", "ALTER ROLE aura_app NOREPLICATION", "NOREPLICATION"),
    "an owner": (
        "ALTER TABLE collections OWNER TO aura_app",
        "ALTER TABLE collections OWNER TO aura_owner; GRANT SELECT, INSERT, UPDATE, DELETE ON collections TO aura_app",
        'ALTER TABLE "collections" OWNER TO aura_owner',
    ),
    "a member of the owner": (
        "GRANT aura_owner TO aura_app",
        "REVOKE aura_owner FROM aura_app",
        'REVOKE "aura_owner" FROM "aura_app"',
    ),
    "a member of the system role": (
        "GRANT aura_system TO aura_app",
        "REVOKE aura_system FROM aura_app",
        'REVOKE "aura_system" FROM "aura_app"',
    ),
    "a reader of the server's files": (
        "GRANT pg_read_server_files TO aura_app",
        "REVOKE pg_read_server_files FROM aura_app",
        'REVOKE "pg_read_server_files" FROM "aura_app"',
    ),
    "a maker of objects": (
        "GRANT CREATE ON SCHEMA public TO aura_app",
        "REVOKE CREATE ON SCHEMA public FROM aura_app",
        "REVOKE CREATE ON SCHEMA public",
    ),
    "a table without force": (
        "ALTER TABLE documents NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE documents FORCE ROW LEVEL SECURITY",
        'ALTER TABLE "documents" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
    ),
    "a table without security": (
        "ALTER TABLE messages DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE messages ENABLE ROW LEVEL SECURITY",
        'ALTER TABLE "messages" ENABLE ROW LEVEL SECURITY',
    ),
    "a partition without security": (
        "ALTER TABLE chunks_p7 DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE chunks_p7 ENABLE ROW LEVEL SECURITY",
        'ALTER TABLE "chunks_p7" ENABLE ROW LEVEL SECURITY',
    ),
    "a new table without security": ("CREATE TABLE public.extra (x int)", "DROP TABLE public.extra", '"extra"'),
    "an open policy": (
        "CREATE POLICY open ON users TO aura_app USING (true)",
        "DROP POLICY IF EXISTS open ON users",
        "DROP POLICY open ON users",
    ),
    "an open policy for everybody": (
        "CREATE POLICY open ON users FOR SELECT USING (email <> '')",
        "DROP POLICY IF EXISTS open ON users",
        "DROP POLICY open ON users",
    ),
    "an open policy for writing": (
        "CREATE POLICY open ON users FOR INSERT TO aura_app WITH CHECK (true)",
        "DROP POLICY IF EXISTS open ON users",
        "DROP POLICY open ON users",
    ),
    "a policy that hides but takes everything": (
        "CREATE POLICY open ON users TO aura_app USING"
        " (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (true)",
        "DROP POLICY IF EXISTS open ON users",
        "DROP POLICY open ON users",
    ),
}


@pytest.mark.parametrize("unsafe", UNSAFE)
async def test_the_start_refuses_with_the_command_that_repairs_it(
    managed: Managed, database: Database, unsafe: str
) -> None:
    change, back, repair = UNSAFE[unsafe]
    with changed(managed, change, back):
        with pytest.raises(Denied, match="does not serve") as raised:
            await database.check()
        assert repair in str(raised.value)
        assert repair in "; ".join(await repairs(managed))
    await database.check()


@pytest.mark.parametrize("unsafe", [name for name in UNSAFE if name != "a new table without security"])
async def test_the_command_that_is_printed_repairs_it(managed: Managed, database: Database, unsafe: str) -> None:
    change, back, _ = UNSAFE[unsafe]
    with changed(managed, change, back):
        managed.run(*await repairs(managed))
        await database.check()
        async with organisations_of(database, 1) as (scope,):
            assert await sight(database, scope) == {str(scope.tenant_id)}


@pytest.mark.parametrize("role", ["postgres", "aura_owner", "aura_system"])
async def test_the_start_refuses_another_role_in_place_of_the_application(managed: Managed, role: str) -> None:
    database = Database(app_url=managed.url(role), system_url=managed.url("aura_system"))
    with pytest.raises(Denied, match="must connect as aura_app"):
        await database.check()
    await database.close()


@pytest.mark.parametrize("role", ["postgres", "aura_owner", "aura_app"])
async def test_the_start_refuses_another_role_in_place_of_the_systems(managed: Managed, role: str) -> None:
    database = Database(app_url=managed.url("aura_app"), system_url=managed.url(role))
    with pytest.raises(Denied, match="must connect as aura_system"):
        await database.check()
    await database.close()


async def test_a_set_config_for_everybody_is_reported_and_does_not_stop_a_start(
    managed: Managed, database: Database
) -> None:
    function = "FUNCTION pg_catalog.set_config(text, text, boolean)"
    with changed(managed, f"GRANT EXECUTE ON {function} TO PUBLIC", security.REVOKE_SET_CONFIG):
        await database.check()
        checks = failed(await report(managed.settings()))
        assert {check.repair for check in checks.values()} == {(security.REVOKE_SET_CONFIG,)}


async def test_an_old_pgvector_is_reported_with_the_statement_that_upgrades_it(managed: Managed) -> None:
    row = managed.run("SELECT extversion FROM pg_extension WHERE extname = 'vector'")[0][0]
    change = "UPDATE pg_extension SET extversion = '{}' WHERE extname = 'vector'"
    with changed(managed, change.format("0.7.4"), change.format(row)):
        checks = failed(await report(managed.settings()))
        assert checks["pgvector"].repair == ("ALTER EXTENSION vector UPDATE",)
        with pytest.raises(Conflict, match="pgvector"):
            await upgrade(managed.settings())


async def test_temporary_objects_never_stand_in_for_real_ones(managed: Managed, database: Database) -> None:
    async with organisations_of(database, 1) as (scope,):
        temporary = "TEMPORARY ON DATABASE aura"
        with changed(managed, f"GRANT {temporary} TO aura_app", f"REVOKE {temporary} FROM aura_app"):
            async with database.tenant(scope) as connection:
                for table in ("collections", "chunks", "organisations", "generations"):
                    await connection.execute(
                        text(f"CREATE TEMPORARY TABLE {table} (tenant_id uuid, id text, name text)")
                    )
                await connection.execute(text("INSERT INTO pg_temp.collections (name) VALUES ('false')"))
                await connection.execute(
                    text(
                        "CREATE FUNCTION pg_temp.aura_create_index_table(text, integer, text) RETURNS void LANGUAGE sql"
                        " AS 'SELECT 1/0'"
                    )
                )
                names = (await connection.execute(select(collections.c.name))).scalars().all()
                assert names == [str(scope.tenant_id)]
                await connection.execute(text("SET LOCAL search_path = pg_temp, public"))
                made = (await connection.execute(text("SELECT aura_create_pooled_index(5)"))).scalar_one()
                query = (
                    "SELECT relnamespace::regnamespace::text, relowner::regrole::text FROM pg_class WHERE relname = :n"
                )
                assert (await connection.execute(text(query), {"n": made})).all() == [("public", "aura_owner")]
                await connection.rollback()


async def test_what_a_statement_leaves_on_a_connection_does_not_reach_the_next_scope(managed: Managed) -> None:
    database = Database(app_url=managed.url("aura_app"), system_url=managed.url("aura_system"), pool_size=1)
    async with organisations_of(database, 2) as (mine, foreign):
        async with database.tenant(mine) as connection:
            for name, value in (("tenant_id", foreign.tenant_id), ("user_id", foreign.user_id), ("role", "service")):
                await connection.execute(text(f"SET SESSION aura.{name} = '{value}'"))
        assert await sight(database, mine) == {str(mine.tenant_id)}
    await database.close()


async def test_a_role_that_can_not_reach_the_database_is_told_apart_from_one_that_is_away(managed: Managed) -> None:
    database = Database(app_url=managed.url("aura_app", "missing"), system_url=managed.url("aura_system"))
    with pytest.raises(AuraError) as raised:
        await database.check()
    assert not isinstance(raised.value, Unavailable)
    await database.close()


@pytest.mark.parametrize("name", ["aura", 'od"d', "with space"])
def test_the_printed_statements_quote_what_they_are_given(name: str) -> None:
    statements = security.bootstrap(name, {"aura_app": "it's"})
    assert any("PASSWORD 'it''s'" in statement for statement in statements)
    quoted = '"' + name.replace('"', '""') + '"'
    assert f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC" in statements
