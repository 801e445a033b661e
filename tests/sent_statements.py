"""What is sent to the database, whichever way it goes."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from aura.database import engine

OF_A_FIRST_CONNECTION = ("select pg_catalog.version()", "select current_schema()", "show ")
"""What SQLAlchemy asks once, on the first connection of an engine, whoever needs it."""

Sent = tuple[str, Mapping[str, Any]]


@contextmanager
def statements_sent() -> Generator[list[Sent]]:
    """The statements that the body sends, on any connection, with their values. What opens a scope is none of them."""
    sent: list[Sent] = []
    cursor = engine._OneStatementCursor
    execute = cursor.execute

    async def noted(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        statement = query.decode() if isinstance(query, bytes) else str(query)
        if not statement.startswith(OF_A_FIRST_CONNECTION):
            sent.append((statement, params or {}))
        return await execute(self, query, params, **options)

    cursor.execute = noted
    try:
        yield sent
    finally:
        del cursor.execute
