"""Statements that are built and compiled once: for a query of a millisecond, both cost more than the query does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from aura.database.scopes import Sight, scope_values
from aura.identity import Scope

_DIALECT: Final = PGDialect_psycopg()


class Statement:
    """A fixed statement; what differs from call to call is a `bindparam` in it.

    For the few on the way of every answer. Values go to the driver as they are: of types that psycopg itself knows
    (numbers, text, UUIDs, moments, lists of these).
    """

    def __init__(self, built: ClauseElement) -> None:
        compiled = built.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self._text = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}

    async def run(self, session: AsyncConnection, values: Mapping[str, object]) -> CursorResult[Any]:
        """Its rows, with the columns by name. Cost: one round trip."""
        return await session.exec_driver_sql(self._text, {**self._constants, **values})


class ScopedStatement:
    """A statement on tenant data, compiled once for each `Sight` there is.

    Args:
        build: makes it for one, by whose `sees` it names the rows.
    """

    def __init__(self, build: Callable[[Sight], ClauseElement]) -> None:
        self._build = build
        self._statements: dict[Sight, Statement] = {}

    async def run(self, session: AsyncConnection, scope: Scope, values: Mapping[str, object]) -> CursorResult[Any]:
        """The rows that `scope` sees of it. Cost: one round trip."""
        sight = Sight.of(scope)
        statement = self._statements.get(sight)
        if statement is None:
            statement = self._statements[sight] = Statement(self._build(sight))
        return await statement.run(session, {**scope_values(scope), **values})
