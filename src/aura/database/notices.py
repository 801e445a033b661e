"""What processes tell each other through the database at once: PostgreSQL's NOTIFY and LISTEN.

A notice is sent with the transaction that it is part of, and heard by who listens then; nobody keeps it. It holds ids and
states, never content: a channel knows no tenant.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import psycopg
from psycopg import sql
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database import security
from aura.database.engine import Database, translated

LONGEST_NOTICE = 7_999
"""Bytes of a notice. Source: PostgreSQL's NOTIFY."""


async def tell(session: AsyncConnection, channel: str, notice: str) -> None:
    """Send `notice` to who listens on `channel`, when the transaction of `session` is committed."""
    await session.execute(select(func.pg_notify(channel, notice)))


async def heard(database: Database, channel: str, *, idle_seconds: float) -> AsyncGenerator[str | None]:
    """The notices on `channel` from now on; None when it begins to listen, and after every `idle_seconds` without one.

    Raises:
        Unavailable: the database is away, or the connection was lost.

    Cost: a connection of `aura_system` of its own while it listens.
    """
    with translated():
        connection = await psycopg.AsyncConnection.connect(
            database.address(security.SYSTEM), autocommit=True, application_name="aura listens", connect_timeout=10
        )
        async with connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            yield None
            while True:
                async for notice in connection.notifies(timeout=idle_seconds):
                    yield notice.payload
                yield None
