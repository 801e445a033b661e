"""Whether a database is fit for AURA, what an administrator runs where it is not, and bringing it to this version.

These are the functions behind `aura db check` and `aura db upgrade`, for the embedded server and for `DATABASE_URL`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from aura.database import migrations, security
from aura.database.embedded import EmbeddedServer
from aura.database.engine import psycopg_url, translated
from aura.errors import AuraError, BackendError, Conflict, InvalidRequest
from aura.settings import Settings

POSTGRES: Final = 15
"""The oldest PostgreSQL: `UNIQUE NULLS NOT DISTINCT` came with it."""
PGVECTOR: Final = (0, 8)
"""The oldest pgvector: iterative index scans came with it."""

_UPGRADE = "aura db upgrade"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `repair` is what to run where it is not as it should be."""

    subject: str
    passed: bool
    detail: str
    repair: tuple[str, ...] = ()


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """The revisions before and after; `before` is None for a database that had none."""

    before: str | None
    after: str


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The database as each of the three roles reaches it."""

    app: str
    system: str
    owner: str | None

    def __repr__(self) -> str:
        return "Addresses(...)"  # they hold passwords


async def report(settings: Settings) -> list[Check]:
    """Look at everything that AURA needs of its database; nothing is changed, but the embedded server is started.

    Raises:
        Unavailable: the embedded server does not start.
    """
    if settings.embedded:
        server = await asyncio.to_thread(EmbeddedServer.start, settings.data_dir, migrate=False)
        try:
            return await report_addresses(_embedded(server))
        finally:
            await asyncio.to_thread(server.stop)
    return await report_addresses(_configured(settings))


async def report_addresses(addresses: Addresses) -> list[Check]:
    """Look at the database behind `addresses`. A role that gets no connection ends what can be known of it."""
    checks = [*await _report_role(addresses.app, security.APP), *await _report_role(addresses.system, security.SYSTEM)]
    if addresses.owner is not None:
        async with _connected(addresses.owner, security.OWNER) as (_, check):
            checks.append(check)
    return checks


async def upgrade(settings: Settings) -> Upgrade:
    """Bring the schema to this version of AURA; several processes may ask at once.

    Raises:
        InvalidRequest: `DATABASE_URL` is set, and the owner's address is not.
        Conflict: the server is too old, lacks pgvector or the roles, or was migrated by a newer AURA.
    """
    if settings.embedded:
        server = await asyncio.to_thread(EmbeddedServer.start, settings.data_dir, migrate=False)
        try:
            return await asyncio.to_thread(_upgrade, server.url(security.OWNER))
        finally:
            await asyncio.to_thread(server.stop)
    if settings.owner_database_url is None:
        raise InvalidRequest(
            f"`{_UPGRADE}` needs AURA_OWNER_DATABASE_URL: the address of the same database for the role {security.OWNER}",
            field="owner_database_url",
        )
    return await asyncio.to_thread(_upgrade, settings.owner_database_url.get_secret_value())


def _upgrade(owner_url: str) -> Upgrade:
    engine = create_engine(psycopg_url(owner_url), poolclass=NullPool)
    with translated(), engine.connect() as connection, connection.begin():
        facts = msgspec.convert(dict(connection.execute(_FACTS).mappings().one()), _Facts)
        looked_at = (_postgres(facts), _pgvector(facts), _roles(facts), _jobs_schema(facts))
        failed = [c for c in looked_at if not c.passed]
        if failed:
            raise Conflict("; ".join(f"{c.subject}: {c.detail}. Run: {'; '.join(c.repair)}" for c in failed))
        return Upgrade(before=migrations.upgrade(connection), after=migrations.head())


async def _report_role(url: str, role: str) -> list[Check]:
    async with _connected(url, role) as (connection, check):
        if connection is None:
            return [check]
        checks = [check]
        if role == security.APP:
            facts = msgspec.convert(dict((await connection.execute(_FACTS)).mappings().one()), _Facts)
            revision = await connection.run_sync(migrations.current)
            checks += [_postgres(facts), _pgvector(facts), _migrations(revision)]
        return [*checks, *_isolation(await security.findings(connection, role=role), role)]


@asynccontextmanager
async def _connected(url: str, role: str) -> AsyncGenerator[tuple[AsyncConnection | None, Check]]:
    subject = f"connection as {role}"
    database = psycopg_url(url).database or role
    engine = create_async_engine(psycopg_url(url), poolclass=NullPool, connect_args={"connect_timeout": 10})
    try:
        with translated():
            connection = await engine.connect()
    except AuraError as error:
        repair = tuple(security.bootstrap(database, {})) if isinstance(error, BackendError) else ()
        yield None, Check(subject=subject, passed=False, detail=str(error), repair=repair)
        return
    try:
        with translated():
            yield connection, Check(subject=subject, passed=True, detail=f"database {database!r}")
    finally:
        await connection.close()
        await engine.dispose()


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    name: str
    database: str
    pgvector: str | None
    pgvector_available: str | None
    roles: list[str]
    jobs_schema: bool


_FACTS = text(
    """
    SELECT current_setting('server_version_num')::int AS version, current_user::text AS name,
      current_database()::text AS database,
      (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector') AS pgvector,
      (SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector') AS pgvector_available,
      ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles
        WHERE rolname IN ('aura_owner', 'aura_app', 'aura_system') ORDER BY 1) AS roles,
      pg_catalog.to_regnamespace('procrastinate') IS NOT NULL
        OR pg_catalog.has_database_privilege(current_database(), 'CREATE') AS jobs_schema
    """
)


def _postgres(facts: _Facts) -> Check:
    major = facts.version // 10_000
    return Check(
        subject="PostgreSQL",
        passed=major >= POSTGRES,
        detail=f"version {major}; {POSTGRES} or newer is needed",
        repair=() if major >= POSTGRES else (f"upgrade the server to PostgreSQL {POSTGRES} or newer",),
    )


def _pgvector(facts: _Facts) -> Check:
    needed = ".".join(str(part) for part in PGVECTOR)
    passed = facts.pgvector is not None and _parts(facts.pgvector) >= PGVECTOR
    available = facts.pgvector_available is not None and _parts(facts.pgvector_available) >= PGVECTOR
    statement = "CREATE EXTENSION vector" if facts.pgvector is None else "ALTER EXTENSION vector UPDATE"
    return Check(
        subject="pgvector",
        passed=passed,
        detail=f"version {facts.pgvector or 'none'}; {needed} or newer is needed",
        repair=() if passed else (statement if available else f"install pgvector {needed} or newer on the server",),
    )


def _roles(facts: _Facts) -> Check:
    missing = sorted({security.OWNER, security.APP, security.SYSTEM} - set(facts.roles))
    passed = not missing and facts.name == security.OWNER
    return Check(
        subject="roles",
        passed=passed,
        detail=f"missing: {', '.join(missing) or 'none'}; connected as {facts.name!r}, {security.OWNER} is needed",
        repair=tuple(security.bootstrap(facts.database, {})) if missing else (),
    )


def _jobs_schema(facts: _Facts) -> Check:
    name = facts.database.replace('"', '""')
    return Check(
        subject="schema of the job queue",
        passed=facts.jobs_schema,
        detail=f"{security.OWNER} makes the schema {security.JOBS_SCHEMA!r} in the database",
        repair=() if facts.jobs_schema else (f'GRANT CREATE ON DATABASE "{name}" TO {security.OWNER}',),
    )


def _migrations(revision: str | None) -> Check:
    passed = revision == migrations.head()
    newer = revision is not None and not migrations.knows(revision)
    return Check(
        subject="migrations",
        passed=passed,
        detail=f"at {revision or 'none'}; this AURA needs {migrations.head()}",
        repair=() if passed else ("install the newer AURA that migrated it" if newer else _UPGRADE,),
    )


def _isolation(findings: list[security.Finding], role: str) -> list[Check]:
    if not findings:
        return [Check(subject=f"isolation as {role}", passed=True, detail="row-level security holds")]
    return [
        Check(subject=f"isolation as {role}", passed=False, detail=finding.problem, repair=finding.repair)
        for finding in findings
    ]


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _embedded(server: EmbeddedServer) -> Addresses:
    return Addresses(app=server.url(security.APP), system=server.url(security.SYSTEM), owner=server.url(security.OWNER))


def _configured(settings: Settings) -> Addresses:
    assert settings.database_url is not None
    assert settings.system_database_url is not None  # the settings refuse one without the other
    owner = settings.owner_database_url
    return Addresses(
        app=settings.database_url.get_secret_value(),
        system=settings.system_database_url.get_secret_value(),
        owner=None if owner is None else owner.get_secret_value(),
    )
