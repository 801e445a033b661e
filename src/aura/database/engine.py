"""Connections that carry a scope, and nothing else.

A scope is a transaction: `SET LOCAL` dies with it, so a pooled connection can not carry one tenant to the next borrower.
Every statement goes through the extended protocol with bound parameters, which refuses a second statement.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from aura.cancellation import finished
from aura.database import security
from aura.errors import AuraError, BackendError, Conflict, InvalidRequest, Unavailable
from aura.identity import Role, Scope

_Result = TypeVar("_Result")

_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "search_path=public,pg_temp",  # a temporary table never stands in for a real one
        "jit=off",  # costs more than it saves on statements of milliseconds
        "hnsw.ef_search=200",
        "hnsw.iterative_scan=strict_order",  # go on until enough rows pass the filter
        "hnsw.max_scan_tuples=200000",
    )
)
_REFUSALS = (  # a connection that fails carries no SQLSTATE
    "password authentication failed",
    "does not exist",
    "permission denied for database",
    "no pg_hba.conf entry",
)
_USED = "aura_used"
_DISPOSAL_SECONDS = 5.0
_COLLISION = "40"
"""How the SQLSTATE begins of a transaction that was taken back: a deadlock, or one that can not be serialised."""
_MOST_COLLISIONS = 4
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def done_again(work: Callable[[], Awaitable[_Result]]) -> _Result:
    """What `work` returns: one transaction, which is done again where it collides with others, a few times."""
    for _ in range(_MOST_COLLISIONS):
        try:
            return await work()
        except Unavailable as error:
            if not _collided(error):
                raise
            await asyncio.sleep(error.retry_after_seconds)
    return await work()


def _collided(error: Unavailable) -> bool:
    """Whether the database took a transaction back since another one was in its way: nothing of it was done."""
    cause = error.__cause__.orig if isinstance(error.__cause__, exc.DBAPIError) else error.__cause__
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith(_COLLISION)


class Database:
    """The engines of one process, one per event loop and role: an asyncio connection belongs to the loop that made it."""

    def __init__(
        self,
        *,
        app_url: str,
        system_url: str,
        pool_size: int = 10,
        wait_seconds: float = 30.0,
        prepared_statements: bool = False,
    ) -> None:
        self._urls = {security.APP: psycopg_url(app_url), security.SYSTEM: psycopg_url(system_url)}
        self._pool_size = pool_size
        self._wait_seconds = wait_seconds
        self._prepared_statements = prepared_statements
        self._engines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncEngine]] = WeakKeyDictionary()
        self._guard = threading.Lock()

    @asynccontextmanager
    async def tenant(
        self, scope: Scope, *, snapshot: bool = False, one_plan: bool = False, asynchronous_commit: bool = False
    ) -> AsyncGenerator[AsyncConnection]:
        """A transaction that sees one tenant: the only way to tenant data. Cost: two round trips, one at each end.

        Args:
            snapshot: all statements see the same moment, so that what one found is there for the next.
            one_plan: where plans are kept, one serves for all values. For prepared statements alone, whose best plan does
                not depend on their values: PostgreSQL would plan each of them anew where it fears that it might.
            asynchronous_commit: its end does not wait for the disk. What it wrote holds for everybody at once; where the
                database's machine fails, the last half a second of it can be lost: for counts, where that is no harm.

        Raises:
            Unavailable: the database is away, or no connection came free in time.
        """
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ" if snapshot else "BEGIN"
        opening = f"{begin}; {scope_statement(scope)}"
        if one_plan and self._prepared_statements:
            opening += "; SET LOCAL plan_cache_mode = force_generic_plan"
        if asynchronous_commit:
            opening += "; SET LOCAL synchronous_commit = off"
        async with self._transaction(security.APP, opening) as connection:
            yield connection

    @asynccontextmanager
    async def system(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction of `aura_system`: before a tenant is known, or across tenants.

        For `tenants/`, `access/` and `jobs/` alone.
        """
        async with self._transaction(security.SYSTEM, "BEGIN") as connection:
            yield connection

    def address(self, role: str) -> str:
        """The database as libpq reaches it, for a library that opens its own connections. It holds a password."""
        url = self._urls[role].set(drivername="postgresql").render_as_string(hide_password=False)
        return url.replace("+", "%20")  # SQLAlchemy writes a space as "+", which libpq takes for itself

    async def check(self) -> None:
        """Refuse to serve from connections that could see more than one tenant.

        Raises:
            Denied: with the statements that repair it.
        """
        for role in (security.APP, security.SYSTEM):
            async with self._transaction(role, "BEGIN") as connection:
                await security.refuse_unsafe(connection, role=role)

    async def close(self) -> None:
        """Close every connection, also those of other loops: on a loop that still runs, by that loop."""
        with self._guard:
            engines = list(self._engines.items())
            self._engines.clear()
        here = asyncio.get_running_loop()
        for loop, of_loop in engines:
            if loop is not here and loop.is_running():
                disposal = asyncio.run_coroutine_threadsafe(_dispose(of_loop), loop)
                with suppress(TimeoutError):  # it ended meanwhile
                    await asyncio.wait_for(asyncio.wrap_future(disposal), _DISPOSAL_SECONDS)
            else:
                await _dispose(of_loop)

    async def close_loop(self) -> None:
        """Close the running loop's own connections."""
        with self._guard:
            engines = self._engines.pop(asyncio.get_running_loop(), {})
        await _dispose(engines)

    @asynccontextmanager
    async def _transaction(self, role: str, opening: str) -> AsyncGenerator[AsyncConnection]:
        with translated():
            connection = await self._begin(role, opening)
            try:
                yield connection
                await _commit(connection)
            except BaseException:
                await finished(connection.close())
                raise
            await connection.close()  # nothing is left to send, so that it does not wait, and can not be cancelled

    async def _begin(self, role: str, opening: str) -> AsyncConnection:
        """Begin by `opening`, in one round trip: the driver's own BEGIN (off, by `autocommit`) would be one more.

        Pooled connections that died while idle show here, before any work, and are replaced.
        """
        while True:
            connection = await self._engine(role).connect()
            assert connection.sync_connection is not None
            connection.sync_connection.begin()  # sends nothing; a rollback of SQLAlchemy's takes back the driver's work, too
            try:
                await psycopg.AsyncClientCursor(driver_of(connection)).execute(opening.encode())
            except BaseException as error:
                dead = isinstance(error, psycopg.OperationalError)
                fresh = not connection.info.get(_USED)
                if dead:
                    await connection.invalidate(error)
                await finished(connection.close())
                if fresh or not dead:
                    raise
            else:
                connection.info[_USED] = True
                return connection

    def _engine(self, role: str) -> AsyncEngine:
        with self._guard:
            engines = self._engines.setdefault(asyncio.get_running_loop(), {})
            if role not in engines:
                engines[role] = self._open_engine(role)
            return engines[role]

    def _open_engine(self, role: str) -> AsyncEngine:
        return create_async_engine(
            self._urls[role],
            pool_size=self._pool_size if role == security.APP else 2,
            max_overflow=0,
            hide_parameters=True,  # they are users' text, and errors end in logs
            pool_timeout=self._wait_seconds,
            pool_recycle=1800,
            connect_args={
                "autocommit": True,
                # What is worth it asks for it (`Statement`): psycopg is not to prepare whatever was sent five times.
                "prepare_threshold": sys.maxsize if self._prepared_statements else None,
                "cursor_factory": _OneStatementCursor,
                "application_name": "aura",
                "connect_timeout": 10,
                "options": _OPTIONS,
            },
        )


def driver_of(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """The driver's own connection, for what SQLAlchemy need not see."""
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver


async def _commit(connection: AsyncConnection) -> None:
    """End the transaction of `_begin` in the database, so that there is nothing left in SQLAlchemy's to roll back."""
    driver = driver_of(connection)
    try:
        await driver.commit()
    except psycopg.OperationalError as error:
        if driver.closed:  # the pool is not to offer it again
            await connection.invalidate(error)
        raise


async def _dispose(engines: dict[str, AsyncEngine]) -> None:
    for engine in engines.values():
        await engine.dispose()


class _OneStatementCursor(psycopg.AsyncCursor[tuple[object, ...]]):
    """Always the extended protocol, which refuses a second statement behind a `;`.

    psycopg sends a statement without parameters by the simple protocol, which would run both; it has no public switch.
    """

    def _execute_send(self, query: object, *, force_extended: bool = False, binary: bool | None = None) -> None:
        super()._execute_send(query, force_extended=True, binary=binary)  # pyright: ignore[reportArgumentType]


def scope_statement(scope: Scope) -> str:
    """The statements that open a scope. Ids are checked against the strict pattern: `SET` takes no parameters.

    Who could send a whole statement of their own could send these, too: no user's text is ever a statement or a part of
    one. Row-level security, one statement at a time and the revoked `set_config` hold what is smuggled into a part.
    """
    tenant_id, user_id = str(scope.tenant_id), "" if scope.user_id is None else str(scope.user_id)
    if not _UUID.fullmatch(tenant_id) or (user_id and not _UUID.fullmatch(user_id)):
        raise InvalidRequest("a scope takes the UUIDs of a tenant and of a user")
    return (
        f"SET LOCAL aura.tenant_id = '{tenant_id}'; SET LOCAL aura.user_id = '{user_id}';"
        f" SET LOCAL aura.role = '{Role(scope.role).value}'"
    )


def psycopg_url(url: str) -> URL:
    """`url` with SQLAlchemy's name for psycopg 3, whatever driver it named.

    Raises:
        InvalidRequest: it is not the address of a PostgreSQL; the message does not show it, for it holds a password.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise InvalidRequest("the database address is not a URL of the form postgresql://user:password@host/name")
    return parsed.set(drivername="postgresql+psycopg")


@contextmanager
def translated() -> Generator[None]:
    """Turn the driver's errors into AURA's."""
    try:
        yield
    except AuraError:
        raise
    except UnicodeEncodeError:  # psycopg's, which is no error of the driver to SQLAlchemy
        raise InvalidRequest("a value can not be stored: text must not hold half of a surrogate pair") from None
    except exc.TimeoutError as error:
        raise Unavailable(
            "no database connection came free in time: raise AURA_DATABASE_POOL_SIZE, or ask less at once",
            retry_after_seconds=1.0,
        ) from error
    except exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.DataError):  # its message repeats the value, and tracebacks end in logs
            raise _translate(error) from None
        raise _translate(error) from error
    except psycopg.Error as error:
        raise _translate_driver(error, lost=False) from error


def _translate(error: exc.DBAPIError) -> AuraError:
    cause = error.orig
    if isinstance(cause, psycopg.Error):
        return _translate_driver(cause, lost=error.connection_invalidated)
    return BackendError(f"the database refused a statement ({type(cause).__name__})")


def _translate_driver(cause: psycopg.Error, *, lost: bool) -> AuraError:
    state = cause.sqlstate or ""
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return Conflict("something with this name is already there")
    if isinstance(cause, psycopg.DataError) and not state:
        return InvalidRequest("a value can not be stored: text must not hold NUL characters")
    if not state and any(refusal in str(cause) for refusal in _REFUSALS):
        return BackendError(
            "the database does not let this role in: check the password and the name in its address (`aura db check`)"
        )
    if state.startswith(_COLLISION):
        return Unavailable("two changes met each other in the database: try again", retry_after_seconds=0.1)
    if state.startswith("53"):
        return Unavailable(
            f"the database is out of connections, memory or disk (SQLSTATE {state}): free some, then try again",
            retry_after_seconds=5.0,
        )
    if lost or (isinstance(cause, psycopg.OperationalError) and (not state or state.startswith(("08", "57P", "58")))):
        return Unavailable(
            "the database is away: check that it runs (`aura doctor`), then try again", retry_after_seconds=2.0
        )
    return BackendError(f"the database refused a statement ({type(cause).__name__}, SQLSTATE {cause.sqlstate})")
