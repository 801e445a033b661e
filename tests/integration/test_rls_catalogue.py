"""What keeps tenants apart, read back from the database's own catalogue and compared with what the code says."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, select, text
from sqlalchemy.dialects import postgresql

from aura.database import security
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database, psycopg_url
from aura.database.tables import PARTITIONS, TENANT_TABLES, chunks, metadata
from aura.identity import Scope, TenantId

TENANT_NAMES = sorted([table.name for table in TENANT_TABLES] + ["index_384"])
PARTITIONED = ("chunks", "index_384")
APP_FUNCTIONS = {
    "aura_create_pooled_index",
    "aura_create_dedicated_index",
    "aura_build_dedicated_index",
    "aura_drop_dedicated_index",
    "aura_reserve_platform",
    "aura_settle_platform",
}
CROSS_TENANT_POLICIES = {
    ("organisations", "platform", "ALL"),
    ("users", "login", "SELECT"),
    ("ingest_tasks", "queue", "ALL"),
    ("login_attempts", "logins", "ALL"),
    ("webhook_deliveries", "queue", "SELECT"),
    ("memory_outbox", "queue", "SELECT"),
    ("platform_spent", "platform", "ALL"),
    ("platform_reservations", "platform", "ALL"),
    ("platform_usage", "platform", "ALL"),
    ("route_health", "platform", "ALL"),
    ("platform_spent", "functions", "ALL"),
    ("platform_reservations", "functions", "ALL"),
}


@pytest.fixture(scope="module")
def catalogue(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """The database as its administrator sees it; whatever a test changes is rolled back."""
    with psycopg.connect(server.url("postgres")) as connection:
        yield connection
        connection.rollback()


def rows(catalogue: psycopg.Connection, query: str, *values: object) -> list[tuple[object, ...]]:
    return catalogue.execute(query.encode(), values).fetchall()


def tenant_tables(catalogue: psycopg.Connection) -> list[str]:
    """Every table with a `tenant_id` that is no partition."""
    query = """
        SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relname NOT LIKE 'index\\_g\\_%%' ORDER BY 1"""
    return [str(row[0]) for row in rows(catalogue, query)]


def test_every_tenant_table_of_the_code_is_one_in_the_database(catalogue: psycopg.Connection) -> None:
    assert [name for name in tenant_tables(catalogue) if name in TENANT_NAMES] == TENANT_NAMES
    assert [n for n in tenant_tables(catalogue) if n not in TENANT_NAMES and not n.startswith("index_")] == []


@pytest.mark.parametrize("table", TENANT_NAMES)
def test_the_policy_in_force_is_the_policy_of_the_code(catalogue: psycopg.Connection, table: str) -> None:
    condition = security.policy(table)
    with catalogue.transaction(force_rollback=True):
        catalogue.execute(f"CREATE TABLE public.expected (LIKE public.{table})".encode())
        catalogue.execute(
            f"CREATE POLICY tenant ON public.expected TO aura_app USING ({condition}) WITH CHECK ({condition})".encode()
        )
        query = "SELECT permissive, roles::text[], cmd, qual, with_check FROM pg_policies WHERE tablename = %s"
        expected = rows(catalogue, query, "expected")
        in_force = rows(catalogue, query + " AND policyname = 'tenant'", table)
    assert in_force == expected
    assert in_force[0][:3] == ("PERMISSIVE", ["aura_app"], "ALL")
    assert in_force[0][3] == in_force[0][4]


def test_no_table_has_any_other_policy(catalogue: psycopg.Connection) -> None:
    found = set(
        rows(
            catalogue,
            "SELECT tablename::text, policyname::text, cmd FROM pg_policies WHERE NOT 'aura_app' = ANY(roles)",
        )
    )
    assert found == CROSS_TENANT_POLICIES
    for_app = rows(catalogue, "SELECT DISTINCT policyname::text FROM pg_policies WHERE 'aura_app' = ANY(roles)")
    assert for_app == [("tenant",)]
    roles = rows(catalogue, "SELECT DISTINCT unnest(roles)::text FROM pg_policies ORDER BY 1")
    assert roles == [("aura_app",), ("aura_owner",), ("aura_system",)]
    for_owner = rows(catalogue, "SELECT DISTINCT policyname::text FROM pg_policies WHERE 'aura_owner' = ANY(roles)")
    assert for_owner == [("functions",)]


def test_row_level_security_is_forced_on_every_table_and_partition(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND NOT (relrowsecurity AND relforcerowsecurity)"""
    assert rows(catalogue, query) == [("alembic_version",)]


def test_every_table_belongs_to_the_owner_role(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v', 'm', 'i', 'I')"""
    assert rows(catalogue, query) == [("aura_owner",)]


@pytest.mark.parametrize("table", TENANT_NAMES)
def test_tenant_id_comes_first_in_the_primary_key(catalogue: psycopg.Connection, table: str) -> None:
    query = """
        SELECT a.attname::text, a.attnotnull, a.atttypid::regtype::text FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = %s::regclass AND i.indisprimary"""
    assert rows(catalogue, query, table) == [("tenant_id", True, "uuid")]


def test_every_unique_index_contains_tenant_id(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique
          AND c.relname NOT IN ('organisations', 'login_attempts', 'alembic_version', 'platform_spent',
            'platform_reservations', 'platform_usage', 'route_health')
          AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = 'tenant_id'
            AND a.attnum = ANY (i.indkey::int2[]))"""
    assert rows(catalogue, query) == []


def test_every_foreign_key_of_a_tenant_table_leads_to_the_same_tenant(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT k.conrelid::regclass::text, k.confrelid::regclass::text, array_agg(a.attname || '=' || b.attname ORDER BY n)
        FROM pg_constraint k, LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS pair(mine, theirs, n)
        JOIN pg_attribute a ON true JOIN pg_attribute b ON true
        WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND a.attrelid = k.conrelid
          AND a.attnum = pair.mine AND b.attrelid = k.confrelid AND b.attnum = pair.theirs
        GROUP BY k.oid, k.conrelid, k.confrelid"""
    keys = rows(catalogue, query)
    assert len(keys) > 20
    for table, target, columns in keys:
        expected = "tenant_id=id" if target == "organisations" else "tenant_id=tenant_id"
        assert isinstance(columns, list)
        assert expected in columns, f"{table} -> {target}"


def test_partitions_are_as_many_as_the_code_says_and_nobody_reaches_them_directly(
    catalogue: psycopg.Connection,
) -> None:
    query = """
        SELECT c.oid::regclass::text FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'
        AND (SELECT inhparent FROM pg_inherits WHERE inhrelid = c.oid) = %s::regclass"""
    for parent in PARTITIONED:
        partitions = [str(row[0]) for row in rows(catalogue, query, parent)]
        assert len(partitions) == PARTITIONS
        for role in ("aura_app", "aura_system", "public"):
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"):
                granted = rows(
                    catalogue,
                    "SELECT t FROM unnest(%s::text[]) AS t WHERE has_table_privilege(%s, t, %s)",
                    partitions,
                    role,
                    privilege,
                )
                assert granted == [], f"{role} may {privilege}"


def granted(catalogue: psycopg.Connection, role: str) -> dict[str, set[str]]:
    query = """
        SELECT c.relname::text, p FROM pg_class c,
          unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) AS p
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
          AND c.relname NOT LIKE 'index\\_%%' AND has_table_privilege(%s, c.oid, p)"""
    found: dict[str, set[str]] = {}
    for table, privilege in rows(catalogue, query, role):
        found.setdefault(str(table), set()).add(str(privilege))
    return found


def test_the_application_may_read_and_write_rows_and_nothing_else(catalogue: psycopg.Connection) -> None:
    expected = {table.name: {"SELECT", "INSERT", "UPDATE", "DELETE"} for table in TENANT_TABLES}
    expected["audit"] = {"SELECT", "INSERT"}
    expected |= {"organisations": {"SELECT", "UPDATE"}, "alembic_version": {"SELECT"}}
    assert granted(catalogue, "aura_app") == expected


def test_the_system_role_reaches_organisations_and_the_queue_as_whole_tables(catalogue: psycopg.Connection) -> None:
    assert granted(catalogue, "aura_system") == {
        "organisations": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "ingest_tasks": {"SELECT", "UPDATE"},
        "login_attempts": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "platform_spent": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "platform_reservations": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "platform_usage": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "route_health": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "alembic_version": {"SELECT"},
    }


def test_the_system_role_reaches_the_columns_of_a_login_and_no_others(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = 'users'::regclass AND a.attnum > 0
        AND has_column_privilege('aura_system', 'users', a.attname, 'SELECT') ORDER BY 1"""
    assert [row[0] for row in rows(catalogue, query)] == sorted(security.LOGIN_COLUMNS.split(", "))
    query = """
        SELECT DISTINCT table_name::text FROM information_schema.role_column_grants
        WHERE grantee = 'aura_system' AND table_schema = 'public' ORDER BY 1"""
    assert [row[0] for row in rows(catalogue, query)] == [
        "alembic_version",
        "ingest_tasks",
        "login_attempts",
        "memory_outbox",
        "organisations",
        "platform_reservations",
        "platform_spent",
        "platform_usage",
        "route_health",
        "users",
        "webhook_deliveries",
    ]
    query = """
        SELECT column_name::text FROM information_schema.role_column_grants
        WHERE grantee = 'aura_system' AND table_name = %s ORDER BY 1"""
    for table, columns in (
        ("webhook_deliveries", security.DUE_COLUMNS),
        ("memory_outbox", security.WAITING_COLUMNS),
    ):
        assert [row[0] for row in rows(catalogue, query, table)] == sorted(columns.split(", "))


def test_the_schema_of_the_job_queue_is_the_system_roles_alone(catalogue: psycopg.Connection) -> None:
    query = (
        "SELECT r, has_schema_privilege(r, 'procrastinate', p) FROM unnest(%s::text[]) AS r, unnest(%s::text[]) AS p"
    )
    allowed = rows(catalogue, query, ["public", "aura_app", "aura_system"], ["USAGE"])
    assert allowed == [("public", False), ("aura_app", False), ("aura_system", True)]
    assert not any(granted for _, granted in rows(catalogue, query, ["public", "aura_app", "aura_system"], ["CREATE"]))
    query = """
        SELECT count(*), count(*) FILTER (WHERE has_function_privilege('aura_app', oid, 'EXECUTE')),
          count(*) FILTER (WHERE proconfig IS NULL OR prosecdef) FROM pg_proc
        WHERE pronamespace = 'procrastinate'::regnamespace"""
    ((functions, for_app, loose),) = rows(catalogue, query)
    assert isinstance(functions, int)
    assert functions > 10
    assert (for_app, loose) == (0, 0)
    query = """
        SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'procrastinate'::regnamespace
        AND c.relkind IN ('r', 'S') AND (pg_get_userbyid(c.relowner) <> 'aura_owner'
          OR (c.relkind = 'r' AND has_table_privilege('aura_app', c.oid, 'SELECT')))"""
    assert rows(catalogue, query) == []


def test_nothing_is_granted_to_everybody(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT table_name FROM information_schema.role_table_grants
        WHERE grantee = 'PUBLIC' AND table_schema = 'public'"""
    assert rows(catalogue, query) == []
    query = """
        SELECT p FROM unnest(ARRAY['CREATE', 'TEMPORARY', 'CONNECT']) AS p
        WHERE has_database_privilege('public', 'aura', p)"""
    assert rows(catalogue, query) == []
    assert rows(catalogue, "SELECT has_schema_privilege('public', 'public', 'CREATE')") == [(False,)]


def test_the_application_may_not_call_set_config(catalogue: psycopg.Connection) -> None:
    query = "SELECT has_function_privilege(%s, 'pg_catalog.set_config(text, text, boolean)', 'EXECUTE')"
    for role in ("public", "aura_app", "aura_system"):
        assert rows(catalogue, query, role) == [(False,)]


def test_functions_with_the_owners_rights_are_few_and_have_a_fixed_search_path(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT proname::text, proconfig, pg_get_userbyid(proowner)::text, has_function_privilege('public', oid, 'EXECUTE'),
          has_function_privilege('aura_app', oid, 'EXECUTE'), has_function_privilege('aura_system', oid, 'EXECUTE')
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"""
    found = rows(catalogue, query)
    assert {name for name, *_ in found} == APP_FUNCTIONS
    for name, settings, owner, for_all, for_app, for_system in found:
        assert isinstance(settings, list)
        assert settings[0] == "search_path=public, pg_temp", name
        assert (owner, for_all, for_app, for_system) == ("aura_owner", False, True, False)


@pytest.mark.parametrize("function", ["aura_partition(text)", "aura_create_index_table(text, integer, text)"])
def test_functions_that_take_names_are_the_owners_alone(catalogue: psycopg.Connection, function: str) -> None:
    for role in ("public", "aura_app", "aura_system"):
        assert rows(catalogue, "SELECT has_function_privilege(%s, %s, 'EXECUTE')", role, function) == [(False,)]


def test_none_of_the_roles_has_more_than_a_login(catalogue: psycopg.Connection) -> None:
    query = """
        SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'aura\\_%%' AND rolcanlogin
        AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication) ORDER BY 1"""
    assert rows(catalogue, query) == [("aura_app",), ("aura_owner",), ("aura_system",)]
    query = "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE 'aura\\_%%'"
    assert rows(catalogue, query) == []


def test_the_migrated_database_is_what_the_code_thinks_it_is(server: EmbeddedServer) -> None:
    known = set(metadata.tables)

    def ours(name: str | None, kind: str, parents: dict[str, str | None]) -> bool:
        return kind != "table" or name in known

    engine = create_engine(psycopg_url(server.url("aura_owner")))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"include_name": ours, "compare_type": True, "compare_server_default": True}
            )
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()


@pytest.mark.parametrize("literal", [True, False], ids=["literal", "bound"])
async def test_a_query_that_names_its_tenant_touches_one_partition(database: Database, literal: bool) -> None:
    scope = Scope(tenant_id=TenantId(uuid4()))
    query = select(chunks.c.id).where(chunks.c.tenant_id == scope.tenant_id)
    async with database.tenant(scope) as connection:
        if literal:
            statement = str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
            plan = await connection.execute(text(f"EXPLAIN {statement}"))
        else:
            plan = await connection.exec_driver_sql(
                "EXPLAIN SELECT id FROM chunks WHERE tenant_id = %(tenant)s", {"tenant": scope.tenant_id}
            )
        lines = "\n".join(str(row[0]) for row in plan)
    assert lines.count(" on chunks_p") == 1
    assert "Subplans Removed" not in lines
