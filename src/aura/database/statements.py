"""Statements that are built and compiled once: for a query of a millisecond, both cost more than the query does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from aura.database.engine import driver_of
from aura.database.scopes import Sight, scope_values
from aura.identity import Scope

_DIALECT: Final = PGDialect_psycopg()


class Rows(list[Any]):
    """What a statement found: named tuples, in its order."""

    def first(self) -> Any | None:
        """The first of them, if there is one."""
        return self[0] if self else None

    def one(self) -> Any:
        """The only one. Raises `ValueError` where it is not one."""
        [row] = self
        return row


class Statement:
    """A fixed statement; what differs from call to call is a `bindparam` in it.

    For the few on the way of every answer: it goes to the driver itself, past what SQLAlchemy does for each statement.
    Values go there as they are: of types that psycopg itself knows (numbers, text, UUIDs, moments, lists of these).

    Args:
        prepared: PostgreSQL keeps its plan for the connection, where prepared statements are on. Not for a statement whose
            best plan depends on its values.
        binary: its rows come in PostgreSQL's binary form: for one of large packed arrays, which would be written as digits.
    """

    def __init__(self, built: ClauseElement, *, prepared: bool = True, binary: bool = False) -> None:
        self._prepared = prepared
        self._binary = binary
        compiled = built.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self._text = str(compiled).encode()
        self._constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}

    async def run(self, session: AsyncConnection, values: Mapping[str, object]) -> Rows:
        """Its rows; none of a statement that returns none. Cost: one round trip."""
        driver = driver_of(session)
        cursor = driver.cursor(row_factory=namedtuple_row, binary=self._binary)
        try:
            await cursor.execute(self._text, {**self._constants, **values}, prepare=self._prepared)
            return Rows(await cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else ())
        except psycopg.OperationalError as error:
            if driver.closed:  # the pool is not to offer it again
                await session.invalidate(error)
            raise


class ScopedStatement:
    """A statement on tenant data, compiled once for each `Sight` there is.

    Args:
        build: makes it for one, by whose `sees` it names the rows.
        prepared, binary: as for a `Statement`.
    """

    def __init__(self, build: Callable[[Sight], ClauseElement], *, prepared: bool = True, binary: bool = False) -> None:
        self._build = build
        self._prepared = prepared
        self._binary = binary
        self._statements: dict[Sight, Statement] = {}

    async def run(self, session: AsyncConnection, scope: Scope, values: Mapping[str, object]) -> Rows:
        """The rows that `scope` sees of it. Cost: one round trip."""
        sight = Sight.of(scope)
        statement = self._statements.get(sight)
        if statement is None:
            statement = Statement(self._build(sight), prepared=self._prepared, binary=self._binary)
            self._statements[sight] = statement
        return await statement.run(session, {**scope_values(scope), **values})
