"""What is sent to the database, whichever way it goes."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from aura.database import engine

Sent = tuple[str, Mapping[str, Any]]


@contextmanager
def statements_sent() -> Generator[list[Sent]]:
    """The statements that the body sends, on any connection, with their values. What opens a scope is none of them."""
    sent: list[Sent] = []
    cursor = engine._OneStatementCursor
    execute = cursor.execute

    async def noted(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        sent.append((query.decode() if isinstance(query, bytes) else str(query), params or {}))
        return await execute(self, query, params, **options)

    cursor.execute = noted
    try:
        yield sent
    finally:
        del cursor.execute
