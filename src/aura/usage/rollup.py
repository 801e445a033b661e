"""Usage by day: what the nightly job makes of the ledger, so that a year of costs is read in few rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    cast,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import usage, usage_daily
from aura.errors import InvalidRequest
from aura.identity import Scope
from aura.usage.ledger import NOBODY, Outcome
from aura.usage.periods import Period, utc_day

KEYS: Final = ("day", "kind", "provider", "model", "user_id", "api_key_id", "own_key")
"""What a row of `usage_daily` stands for."""
SUMS: Final = ("calls", "failures", "unpriced", "tokens_in", "tokens_cached", "tokens_out", "cost_micro_usd")
"""What it adds up."""
AGAIN_DAYS: Final = 2
"""Days before today that each run makes anew: a row that was being written at midnight is in the second time."""
LOOK_BACK_DAYS: Final = 35
"""How long the nightly job may have been away without a day being left out."""


async def roll_up(database: Database, scope: Scope, day: date, *, clock: Clock) -> int:
    """Make the rows of `usage_daily` for a UTC day that is over anew from `usage`; how many there are.

    It can be repeated, and run twice at once. A day whose rows in `usage` are gone keeps what was made of them.

    Raises:
        InvalidRequest: the day is not over.
    """
    if day >= utc_day(clock.now()):
        raise InvalidRequest(f"{day} is not over: it can be rolled up from midnight UTC on", field="day")
    period = Period(first=day, last=day)
    there = exists(select(usage.c.id).where(visible(usage, scope), within(usage.c.created_at, period)))
    rows = by_day(scope, period).add_columns(literal(scope.tenant_id).label("tenant_id"))
    fresh = insert(usage_daily).from_select([column.name for column in rows.selected_columns], rows)
    fresh = fresh.on_conflict_do_update(  # made by another run at the same moment, of the same rows
        constraint=usage_daily.primary_key, set_={name: fresh.excluded[name] for name in SUMS}
    )
    async with database.tenant(scope) as session:
        await session.execute(delete(usage_daily).where(visible(usage_daily, scope), usage_daily.c.day == day, there))
        return (await session.execute(fresh)).rowcount


async def roll_up_closed(database: Database, scope: Scope, *, clock: Clock) -> tuple[date, ...]:
    """Roll up yesterday and the day before, and every earlier day that was left out; which days that were.

    For a nightly job, some minutes after midnight UTC. Cost: one transaction for each day.
    """
    yesterday = utc_day(clock.now()) - timedelta(days=1)
    period = Period.ending(yesterday, days=LOOK_BACK_DAYS)
    used = select(day_of(usage.c.created_at).label("day")).where(
        visible(usage, scope), within(usage.c.created_at, period)
    )
    done = select(usage_daily.c.day).where(
        visible(usage_daily, scope), usage_daily.c.day.between(period.first, period.last - timedelta(days=AGAIN_DAYS))
    )
    missing = used.distinct().except_(done)
    async with database.tenant(scope) as session:
        days = sorted((await session.scalars(missing)).all())
    for day in days:
        await roll_up(database, scope, day, clock=clock)
    return tuple(days)


def by_day(scope: Scope, *periods: Period) -> Select[Any]:
    """`usage` in the form of `usage_daily`, for the days of `periods`."""
    return (
        select(
            day_of(usage.c.created_at).label("day"),
            usage.c.kind,
            usage.c.provider,
            usage.c.model,
            func.coalesce(usage.c.user_id, NOBODY).label("user_id"),
            func.coalesce(usage.c.api_key_id, NOBODY).label("api_key_id"),
            usage.c.own_key,
            func.count().label("calls"),
            func.count().filter(usage.c.outcome == Outcome.FAILED).label("failures"),
            func.count().filter(usage.c.cost_micro_usd.is_(None)).label("unpriced"),
            *(total(usage.c[name]).label(name) for name in SUMS[3:]),
        )
        .where(visible(usage, scope), or_(*(within(usage.c.created_at, period) for period in periods)))
        .group_by(
            literal_column("day"),
            *(usage.c[name] for name in KEYS[1:]),
        )
    )


def day_of(column: ColumnElement[Any]) -> ColumnElement[date]:
    """The UTC day of a time."""
    return cast(func.timezone("UTC", column), Date)


def total(column: ColumnElement[Any], *, where: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    """The sum of `column`, over the rows of `where`; 0 of nothing. PostgreSQL adds integers up to a `numeric`."""
    added = func.sum(column) if where is None else func.sum(column).filter(where)
    return cast(func.coalesce(added, 0), BigInteger)


def within(column: ColumnElement[Any], period: Period) -> ColumnElement[bool]:
    """Whether the time of `column` lies in `period`."""
    return and_(column >= period.start, column < period.end)
