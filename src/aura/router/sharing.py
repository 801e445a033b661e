"""Replicas tell each other how routes are, at once: through a small table, and a notice of the database, or of Redis where
there is one, for each change.

The table is what a new replica begins with, and what is looked at where notices do not come through: while the listening
connection is lost, or behind a pooler that does not pass them on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from aura.database import notices
from aura.database.engine import Database
from aura.database.redis_notices import RedisNotices
from aura.database.tables import route_health
from aura.errors import AuraError
from aura.router.health import Change, HealthBoard, RouteState

CHANNEL: Final = "aura_route_health"
LOOK_SECONDS: Final = 10.0
"""How often the table is looked at although no notice came."""
AGAIN_SECONDS: Final = 0.5
"""How soon what failed is tried again; so often the table is looked at while nothing can be heard."""
_OVERLAP: Final = timedelta(seconds=5)
"""How far each look goes back: a row shows later than its time by what its transaction took."""

_log = logging.getLogger(__name__)


class _Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica tells the others."""

    told_by: UUID
    change: Change


class HealthShare:
    """Tells others what `board` finds out, and `board` what others have. One for each process; `run` it as a task.

    Args:
        look_seconds: how often the table is looked at although no notice came.
        redis: carries the notices in the database's place.
    """

    def __init__(
        self,
        database: Database,
        board: HealthBoard,
        *,
        look_seconds: float = LOOK_SECONDS,
        redis: RedisNotices | None = None,
    ) -> None:
        self._database = database
        self._redis = redis
        self._board = board
        self._look_seconds = look_seconds
        self._replica: UUID = uuid4()
        self._news: deque[Change] = deque()
        self._seen: datetime | None = None
        self._applied: dict[str, datetime] = {}
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._away = False

    async def run(self) -> None:
        """Go on until cancelled. While the database is away each replica knows what it finds out itself."""
        self._waiting = (asyncio.get_running_loop(), asyncio.Event())
        self._board.watch(self._note)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._telling(self._waiting[1]))
                group.create_task(self._listening())
        finally:
            self._board.watch(None)

    def _note(self, change: Change) -> None:
        """On whatever thread the call ran that has found it out."""
        self._news.append(change)
        if self._waiting is not None:
            loop, news = self._waiting
            loop.call_soon_threadsafe(news.set)

    async def _telling(self, news: asyncio.Event) -> None:
        while True:
            await news.wait()
            news.clear()
            try:
                await self._tell()
            except AuraError as error:
                self._lost(error)
                await asyncio.sleep(AGAIN_SECONDS)
                news.set()

    async def _listening(self) -> None:
        while True:
            try:
                async with aclosing(self._heard()) as heard:
                    async for notice in heard:
                        if notice is None:
                            await self._look()
                            self._away = False
                        else:
                            self._hear(notice)
            except AuraError as error:
                self._lost(error)
                await asyncio.sleep(AGAIN_SECONDS)

    def _heard(self) -> AsyncGenerator[str | None]:
        if self._redis is not None:
            return self._redis.heard(CHANNEL, idle_seconds=self._look_seconds)
        return notices.heard(self._database, CHANNEL, idle_seconds=self._look_seconds)

    def _lost(self, error: AuraError) -> None:
        if not self._away:
            _log.warning("the health of routes is not shared for now: %s", error)
        self._away = True

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
            notice = msgspec.json.encode(_Notice(told_by=self._replica, change=change)).decode()
            async with self._database.system() as session:
                await session.execute(statement)
                if self._redis is None and len(notice.encode()) <= notices.LONGEST_NOTICE:
                    await notices.tell(session, CHANNEL, notice)
            if self._redis is not None:
                await self._redis.tell(CHANNEL, notice)
            self._news.popleft()

    def _hear(self, notice: str) -> None:
        try:
            told = msgspec.json.decode(notice, type=_Notice)
        except msgspec.DecodeError:  # another version's: the table has it too
            return
        if told.told_by != self._replica:
            self._board.apply(told.change)

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
