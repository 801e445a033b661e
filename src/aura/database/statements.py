"""Statements that are built and compiled once: for a query of a millisecond, both cost more than the query does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT: Final = PGDialect_psycopg()


class Statement:
    """A fixed statement; what differs from call to call is a `bindparam` in it.

    For the few on the way of every answer. Values go to the driver as they are: of types that psycopg itself knows (numbers, text, UUIDs, moments, lists of these).
    """

    def __init__(self, built: ClauseElement) -> None:
        compiled = built.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self._text = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}

    async def rows(self, session: AsyncConnection, values: Mapping[str, object]) -> Sequence[Row[tuple[object, ...]]]:
        """Every row of it, with its columns by name. Cost: one round trip."""
        return (await session.exec_driver_sql(self._text, {**self._constants, **values})).all()
