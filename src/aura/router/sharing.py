"""Replicas tell each other how routes are, within a second, through a small table that each of them looks at.

A listening connection would tell it sooner and cost each replica one of the database's connections for good; a look is one
short statement, twice a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from aura.database.engine import Database
from aura.database.tables import route_health
from aura.errors import AuraError
from aura.router.health import Change, HealthBoard, RouteState

LOOK_SECONDS: Final = 0.5
_OVERLAP: Final = timedelta(seconds=5)
"""How far each look goes back: a row shows later than its time by what its transaction took."""

_log = logging.getLogger(__name__)


class HealthShare:
    """Tells others what `board` finds out, and `board` what others have. One for each process; `run` it as a task."""

    def __init__(self, database: Database, board: HealthBoard, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._database = database
        self._board = board
        self._look_seconds = look_seconds
        self._replica: UUID = uuid4()
        self._news: deque[Change] = deque()
        self._seen: datetime | None = None
        self._applied: dict[str, datetime] = {}
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def run(self) -> None:
        """Go on until cancelled. While the database is away each replica knows what it finds out itself."""
        news = asyncio.Event()
        self._waiting = (asyncio.get_running_loop(), news)
        self._board.watch(self._note)
        away = False
        try:
            while True:
                try:
                    await self._tell()
                    await self._look()
                    away = False
                except AuraError as error:
                    if not away:
                        _log.warning("the health of routes is not shared for now: %s", error)
                    away = True
                try:
                    async with asyncio.timeout(self._look_seconds):
                        await news.wait()
                except TimeoutError:
                    pass
                news.clear()
        finally:
            self._board.watch(None)

    def _note(self, change: Change) -> None:
        """On whatever thread the call ran that has found it out."""
        self._news.append(change)
        if self._waiting is not None:
            loop, news = self._waiting
            loop.call_soon_threadsafe(news.set)

    async def _tell(self) -> None:
        while self._news:
            change = self._news[0]
            row = {
                "route": change.route,
                "state": change.state.value,
                "until": datetime.fromtimestamp(change.until, UTC),
                "reason": change.reason,
                "flaps": change.flaps,
                "told_by": self._replica,
            }
            statement = insert(route_health).values(row)
            fresh = {name: statement.excluded[name] for name in row if name != "route"}
            statement = statement.on_conflict_do_update(index_elements=["route"], set_={**fresh, "told_at": func.now()})
            async with self._database.system() as session:
                await session.execute(statement)
            self._news.popleft()

    async def _look(self) -> None:
        c = route_health.c
        query = select(c.route, c.state, c.until, c.reason, c.flaps, c.told_at).where(c.told_by != self._replica)
        if self._seen is not None:
            query = query.where(c.told_at > self._seen - _OVERLAP)
        async with self._database.system() as session:
            rows = (await session.execute(query.order_by(c.told_at))).all()
        for row in rows:
            if self._applied.get(row.route) != row.told_at:
                self._applied[row.route] = row.told_at
                self._board.apply(
                    Change(
                        route=row.route,
                        state=RouteState(row.state),
                        until=row.until.timestamp(),
                        reason=row.reason,
                        flaps=row.flaps,
                    )
                )
        self._seen = max((row.told_at for row in rows), default=self._seen)
