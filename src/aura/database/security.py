"""The roles and the row-level security, as statements; and the check that they are in force.

`aura_owner` owns the tables and migrates them. `aura_app` runs requests and jobs; the policies are its only sight.
`aura_system` sees what must be known before a tenant is, or across tenants: organisations, the columns of a login and
how often logins failed, the queue of ingest tasks, when webhooks are due, which conversations have turns that wait to be
derived from, and the schema of the job queue, which holds ids alone; never documents, conversations or memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.tables import APPEND_ONLY_TABLES, PERSONAL_TABLES, PRIVATE_TABLES, metadata
from aura.errors import Denied

OWNER, APP, SYSTEM = "aura_owner", "aura_app", "aura_system"

# Each is a whole sub-select, casts and comparison included: PostgreSQL works it out once, and not for every row.
TENANT = "(SELECT current_setting('aura.tenant_id')::uuid)"
USER = "(SELECT nullif(current_setting('aura.user_id', true), '')::uuid)"
SERVICE = "(SELECT current_setting('aura.role', true) = 'service')"

REVOKE_SET_CONFIG = "REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC"

LOGIN_COLUMNS = "tenant_id, id, email, password_hash, role, name, is_active"
DUE_COLUMNS = "tenant_id, state, next_attempt_at"
"""What `aura_system` sees of webhook deliveries: that some are due."""
WAITING_COLUMNS = "tenant_id, conversation_id, created_at, due_at"
"""What `aura_system` sees of the outbox of memory: where something waits, never what."""
JOBS_SCHEMA = "procrastinate"


def policy(table: str) -> str:
    """The condition under which `aura_app` sees and writes a row of `table`."""
    condition = f"tenant_id = {TENANT}"
    if table in PRIVATE_TABLES or table.startswith("index_"):
        condition += f" AND (private_to IS NULL OR private_to = {USER} OR {SERVICE})"
    elif table in PERSONAL_TABLES:
        condition += f" AND (user_id IS NOT DISTINCT FROM {USER} OR {SERVICE})"
    return condition


def protect(table: str) -> list[str]:
    """The statements that put `table` under forced row-level security and open it to `aura_app` by its policy."""
    condition = policy(table)
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} TO {APP} USING ({condition}) WITH CHECK ({condition})",
        _grant(table),
    ]


def protect_platform() -> list[str]:
    """The statements for what is not a tenant's table, or is also read across tenants."""
    return [
        "ALTER TABLE organisations ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE organisations FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON organisations TO {APP} USING (id = {TENANT}) WITH CHECK (id = {TENANT})",
        f"CREATE POLICY platform ON organisations TO {SYSTEM} USING (true) WITH CHECK (true)",
        _grant("organisations"),
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON organisations TO {SYSTEM}",
        f"CREATE POLICY login ON users FOR SELECT TO {SYSTEM} USING (true)",
        f"GRANT SELECT ({LOGIN_COLUMNS}) ON users TO {SYSTEM}",
        f"CREATE POLICY queue ON ingest_tasks TO {SYSTEM} USING (true) WITH CHECK (true)",
        f"GRANT SELECT, UPDATE ON ingest_tasks TO {SYSTEM}",
        f"GRANT SELECT ON alembic_version TO {APP}, {SYSTEM}",
    ]


def protect_logins() -> list[str]:
    """The statements for the counts of failed logins, which are there before a tenant is known."""
    return [
        "ALTER TABLE login_attempts ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE login_attempts FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY logins ON login_attempts TO {SYSTEM} USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON login_attempts TO {SYSTEM}",
    ]


def protect_deliveries() -> list[str]:
    """The statements that let the sweep over all tenants see which of them have webhooks to deliver, and no more."""
    return [
        f"CREATE POLICY queue ON webhook_deliveries FOR SELECT TO {SYSTEM} USING (true)",
        f"GRANT SELECT ({DUE_COLUMNS}) ON webhook_deliveries TO {SYSTEM}",
    ]


def protect_outbox() -> list[str]:
    """The statements that let the sweep see which conversations have turns to derive from, and no more."""
    return [
        f"CREATE POLICY queue ON memory_outbox FOR SELECT TO {SYSTEM} USING (true)",
        f"GRANT SELECT ({WAITING_COLUMNS}) ON memory_outbox TO {SYSTEM}",
    ]


ROUTER_TABLES = ("platform_spent", "platform_reservations", "platform_usage", "route_health")


def protect_router() -> list[str]:
    """The statements for what the router keeps of the platform as a whole: its budget, its calls, the health of routes."""
    return [
        statement
        for table in ROUTER_TABLES
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY platform ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}",
        )
    ]


def bootstrap(database: str, passwords: Mapping[str, str]) -> list[str]:
    """What an administrator runs once on a new database, before the first migration.

    Args:
        database: its name.
        passwords: of the three roles; a role without one gets a placeholder to fill in.
    """
    return [*create_roles(passwords), *open_database(database)]


def rights(table: str) -> str:
    """What `aura_app` may do with the rows of `table` that its policy shows."""
    if table == "organisations":
        return "SELECT, UPDATE"
    return "SELECT, INSERT" if table in APPEND_ONLY_TABLES else "SELECT, INSERT, UPDATE, DELETE"


def _grant(table: str) -> str:
    return f"GRANT {rights(table)} ON {table} TO {APP}"


def create_roles(passwords: Mapping[str, str]) -> list[str]:
    """The statements that make the three roles. None of them needs superuser or BYPASSRLS."""
    return [
        f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD"
        f" {_literal(passwords.get(role, '<a long random password>'))}"
        for role in (OWNER, APP, SYSTEM)
    ]


def open_database(database: str) -> list[str]:
    """The statements, run in `database`, that let the three roles in and nobody else."""
    name = '"' + database.replace('"', '""') + '"'
    return [
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {OWNER}, {APP}, {SYSTEM}",
        f"GRANT CREATE ON DATABASE {name} TO {OWNER}",  # the schema of the job queue
        "CREATE EXTENSION IF NOT EXISTS vector",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        REVOKE_SET_CONFIG,
        f"GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO {OWNER}",
    ]


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with the database, and what an administrator runs to repair it.

    `tolerated` is what some managed servers do not let anyone repair, and what alone breaks no isolation.
    """

    problem: str
    repair: tuple[str, ...] = ()
    tolerated: bool = False

    def __str__(self) -> str:
        return f"{self.problem}: {'; '.join(self.repair)}" if self.repair else self.problem


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue says about a connection's role and about the tables."""

    name: str
    attributes: list[str]
    owned: list[str]
    member_of: list[str]
    may_create: bool
    unforced: list[str]
    open_policies: list[str]
    may_set_config: bool


async def findings(connection: AsyncConnection, *, role: str) -> list[Finding]:
    """What keeps `connection` from being a safe one for `role`; empty when it is safe. Cost: one round trip.

    What is wrong with the tables is told once, to the application's role, whose sight they bound.
    """
    state = msgspec.convert(dict((await connection.execute(_STATE)).mappings().one()), _State)
    found = [*_of_role(state, role), *(_of_tables(state) if role == APP else ())]
    if state.may_set_config:
        problem = f"{state.name!r} may call set_config, which changes a scope within a statement"
        found.append(Finding(problem=problem, repair=(REVOKE_SET_CONFIG,), tolerated=True))
    return found


def _of_role(state: _State, role: str) -> Iterator[Finding]:
    name = state.name
    if name != role:
        yield Finding(
            problem=f"the address connects as {name!r}: it must connect as {role}, for which the policies are"
        )
    if state.attributes:
        repair = f'ALTER ROLE "{name}" {" ".join(f"NO{attribute}" for attribute in state.attributes)}'
        yield Finding(problem=f"{name!r} is {', '.join(state.attributes)}", repair=(repair,))
    if state.owned:
        repair = [f'ALTER TABLE "{table}" OWNER TO {OWNER}' for table in state.owned]
        repair += [
            _grant(table) for table in state.owned if role == APP and table in metadata.tables
        ]  # lost on the way
        yield Finding(problem=f"{name!r} owns tables, and who owns a table can open it", repair=tuple(repair))
    if state.member_of:
        repair = tuple(f'REVOKE "{group}" FROM "{name}"' for group in state.member_of)
        yield Finding(problem=f"{name!r} can become {', '.join(state.member_of)}", repair=repair)
    if state.may_create:
        repair = f'REVOKE CREATE ON SCHEMA public FROM PUBLIC, "{name}"'
        yield Finding(problem=f"{name!r} may create objects in the schema of the tables", repair=(repair,))


def _of_tables(state: _State) -> Iterator[Finding]:
    if state.unforced:
        repair = tuple(
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY' for table in state.unforced
        )
        yield Finding(problem=f"row-level security is not forced on {', '.join(state.unforced)}", repair=repair)
    if state.open_policies:
        repair = tuple(f"DROP POLICY {policy}" for policy in state.open_policies)
        yield Finding(problem=f"policies open tables to {APP} without a tenant", repair=repair)


async def refuse_unsafe(connection: AsyncConnection, *, role: str) -> None:
    """Raise `Denied` with the repair when `connection` could see more than one tenant.

    A `set_config` that can not be revoked (some managed servers forbid it) does not stop a start: no user text reaches
    SQL, and `aura db check` reports it.
    """
    found = [str(finding) for finding in await findings(connection, role=role) if not finding.tolerated]
    if found:
        raise Denied("the database does not keep tenants apart; AURA does not serve:\n  " + "\n  ".join(found))


_STATE = text(
    """
    SELECT current_user::text AS name,
      array_remove(ARRAY[
        CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
        CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END
      ], NULL) AS attributes,
      ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relowner = r.oid
        ORDER BY 1) AS owned,
      ARRAY(SELECT o.rolname::text FROM pg_catalog.pg_roles o
        WHERE o.oid <> r.oid AND NOT r.rolsuper AND pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')
          AND (o.rolsuper OR o.rolbypassrls OR o.rolcreaterole OR o.rolname IN ('aura_owner', 'aura_app', 'aura_system',
            'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
        ORDER BY 1) AS member_of,
      NOT r.rolsuper AND pg_catalog.has_schema_privilege('public', 'CREATE') AS may_create,
      ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND c.relname <> 'alembic_version' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
        ORDER BY 1) AS unforced,
      ARRAY(SELECT pg_catalog.format('%I ON %I', p.policyname, p.tablename) FROM pg_catalog.pg_policies p
        WHERE p.schemaname = 'public' AND p.permissive = 'PERMISSIVE' AND p.roles && ARRAY['public', 'aura_app']::name[]
          AND (coalesce(p.qual, p.with_check) NOT LIKE '%aura.tenant_id%' OR p.with_check NOT LIKE '%aura.tenant_id%')
        ORDER BY 1) AS open_policies,
      NOT r.rolsuper
        AND pg_catalog.has_function_privilege('pg_catalog.set_config(text, text, boolean)', 'EXECUTE') AS may_set_config
    FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
    """
)
