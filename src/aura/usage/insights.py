"""The numbers of a dashboard: how much is there, how much is asked, how fast and how well it is answered. Never content."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    FromClause,
    RowMapping,
    ScalarSelect,
    Select,
    and_,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import chunks, conversations, document_versions, documents, feedback, usage, users
from aura.identity import Scope
from aura.usage.costs import CostSummary, Dimension, cost_summary
from aura.usage.ledger import Kind, Outcome
from aura.usage.percentiles import Percentiles, percentiles, percentiles_of
from aura.usage.periods import Period, utc_day
from aura.usage.rollup import day_of, total
from aura.usage.voice_insights import VoiceNumbers, voice_numbers

_WEEK = timedelta(days=7)


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """What the organisation has now. `storage_bytes` counts every kept version, as its plan does."""

    users: int
    documents_by_stage: dict[str, int]
    chunks: int
    storage_bytes: int


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """How questions ended. `answers` is with refusals; `interrupted` were stopped by who asked, or lost their reader."""

    questions: int = 0
    answers: int = 0
    refusals: int = 0
    failures: int = 0
    interrupted: int = 0

    @property
    def refusal_rate(self) -> float | None:
        """The share of answers that were refusals; None of no answer."""
        return self.refusals / self.answers if self.answers else None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One UTC day. `documents` counts the versions that came in, `total_seconds` is of answers, refusals included."""

    day: date
    conversations: int = 0
    questions: int = 0
    refusals: int = 0
    active_users: int = 0
    documents: int = 0
    feedback_up: int = 0
    feedback_down: int = 0
    total_seconds: Percentiles = Percentiles()


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """Today since midnight UTC, and the same day of last week until the same time."""

    today: Answered
    last_week: Answered


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `/admin/dashboard` shows of a period. Users are active who asked something.

    `costs` are by day and model; percentiles are of answers, refusals included.
    """

    period: Period
    inventory: Inventory
    active_users: int
    answered: Answered
    first_token_seconds: Percentiles
    total_seconds: Percentiles
    days: tuple[Day, ...]
    costs: CostSummary
    feedback_up: int
    feedback_down: int
    today: Today
    voice: VoiceNumbers


class Insights:
    """The numbers of one organisation, over all of its members. Who may see them is the caller's to decide."""

    def __init__(self, database: Database, scope: Scope, *, clock: Clock) -> None:
        self._database = database
        self._scope = scope.as_service()
        self._clock = clock

    async def dashboard(self, period: Period) -> Dashboard:
        """The numbers of `period`. Cost: one transaction of thirteen statements; it reads the period's rows of `usage`."""
        now = self._clock.now()
        midnight = Period.ending(utc_day(now), days=1).start
        by = (Dimension.DAY, Dimension.MODEL)
        async with self._database.tenant(self._scope, snapshot=True) as session:
            asked = (await session.execute(self._asked(period.start, period.end))).mappings().one()
            up, down = (await session.execute(self._feedback(period))).one()
            return Dashboard(
                period=period,
                inventory=await self._inventory(session),
                active_users=asked["active_users"],
                answered=_answered(asked),
                first_token_seconds=percentiles_of(asked, "first_token_seconds"),
                total_seconds=percentiles_of(asked, "total_seconds"),
                days=await self._days(session, period),
                costs=await cost_summary(session, self._scope, period, by, today=utc_day(now)),
                feedback_up=up,
                feedback_down=down,
                today=Today(
                    today=await self._answered(session, midnight, now),
                    last_week=await self._answered(session, midnight - _WEEK, now - _WEEK),
                ),
                voice=await voice_numbers(session, self._scope, period),
            )

    async def _inventory(self, session: AsyncConnection) -> Inventory:
        counts = (
            self._count(users).label("users"),
            self._count(chunks).label("chunks"),
            select(total(document_versions.c.size_bytes))
            .where(visible(document_versions, self._scope))
            .scalar_subquery()
            .label("storage_bytes"),
        )
        row = (await session.execute(select(*counts))).one()
        stages = (
            select(documents.c.stage, func.count().label("documents"))
            .where(visible(documents, self._scope))
            .group_by(documents.c.stage)
            .order_by(documents.c.stage)
        )
        by_stage = {row.stage: row.documents for row in await session.execute(stages)}
        return Inventory(
            users=row.users, documents_by_stage=by_stage, chunks=row.chunks, storage_bytes=row.storage_bytes
        )

    async def _answered(self, session: AsyncConnection, start: datetime, end: datetime) -> Answered:
        return _answered((await session.execute(self._asked(start, end))).mappings().one())

    async def _days(self, session: AsyncConnection, period: Period) -> tuple[Day, ...]:
        per_day: dict[date, dict[str, Any]] = {day: {} for day in period.days}
        for found in (
            self._asked(period.start, period.end, by_day=True),
            self._by_day(conversations, period, conversations=func.count()),
            self._by_day(document_versions, period, documents=func.count()),
            self._by_day(
                feedback,
                period,
                feedback_up=func.count().filter(feedback.c.rating > 0),
                feedback_down=func.count().filter(feedback.c.rating < 0),
            ),
        ):
            for row in (await session.execute(found)).mappings():
                per_day[row["day"]] |= row
        return tuple(_day(day, counted) for day, counted in per_day.items())

    def _by_day(self, table: FromClause, period: Period, **counts: ColumnElement[int]) -> Select[Any]:
        return (
            select(day_of(table.c.created_at).label("day"), *(count.label(name) for name, count in counts.items()))
            .where(visible(table, self._scope), _between(table, period.start, period.end))
            .group_by(literal_column("day"))
        )

    def _asked(self, start: datetime, end: datetime, *, by_day: bool = False) -> Select[Any]:
        """How the questions of that time ended, who asked, and how long it took: in all, or of each day with any."""
        answered = usage.c.outcome.in_((Outcome.OK, Outcome.REFUSED))
        counts = {
            "questions": func.count(),
            "answers": func.count().filter(answered),
            "refusals": func.count().filter(usage.c.outcome == Outcome.REFUSED),
            "failures": func.count().filter(usage.c.outcome == Outcome.FAILED),
            "interrupted": func.count().filter(usage.c.outcome.in_((Outcome.STOPPED, Outcome.CANCELLED))),
            "active_users": func.count(usage.c.user_id.distinct()),
        }
        took = (usage.c.first_token_seconds, usage.c.total_seconds)
        shares = (share for column in took for share in percentiles(column, answered))
        named = (*(count.label(name) for name, count in counts.items()), *shares)
        if not by_day:
            return select(*named).where(self._chats(start, end))
        day = day_of(usage.c.created_at).label("day")
        return select(day, *named).where(self._chats(start, end)).group_by(literal_column("day"))

    def _feedback(self, period: Period) -> Select[Any]:
        up, down = feedback.c.rating > 0, feedback.c.rating < 0
        return select(func.count().filter(up), func.count().filter(down)).where(
            visible(feedback, self._scope), _between(feedback, period.start, period.end)
        )

    def _chats(self, start: datetime, end: datetime) -> ColumnElement[bool]:
        return and_(visible(usage, self._scope), usage.c.kind == Kind.CHAT, _between(usage, start, end))

    def _count(self, table: FromClause) -> ScalarSelect[int]:
        return select(func.count()).select_from(table).where(visible(table, self._scope)).scalar_subquery()


def _between(table: FromClause, start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(table.c.created_at >= start, table.c.created_at < end)


def _answered(row: RowMapping) -> Answered:
    return Answered(**{name: row[name] for name in Answered.__struct_fields__})


def _day(day: date, counted: Mapping[str, Any]) -> Day:
    """A day of what was counted of it; what was not is none."""
    total = percentiles_of(counted, "total_seconds") if "questions" in counted else Percentiles()
    counts = {name: counted[name] for name in Day.__struct_fields__ if name in counted and name != "day"}
    return Day(day=day, total_seconds=total, **counts)
