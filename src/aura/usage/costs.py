"""What was used and what it cost, by day, model, provider, user, key and kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import CompoundSelect, RowMapping, Select, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import usage_daily
from aura.errors import InvalidRequest
from aura.identity import Scope
from aura.usage.periods import Period, utc_day
from aura.usage.rollup import KEYS, SUMS, by_day, total


class Dimension(StrEnum):
    """What costs can be told apart by."""

    DAY = "day"
    MODEL = "model"
    PROVIDER = "provider"
    USER = "user"
    KEY = "key"
    KIND = "kind"


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What some calls have used, in tokens and whole micro-dollars.

    Attributes:
        failures: calls that failed; they are in `calls`, too.
        cost_micro_usd: of the calls whose price is known, paid by the platform.
        own_key_micro_usd: of those that the organisation paid the provider itself.
        unpriced: calls whose price is not known, and which are in neither sum.
    """

    calls: int = 0
    failures: int = 0
    unpriced: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    cost_micro_usd: int = 0
    own_key_micro_usd: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """One group of a summary: the values that it was grouped by, and None for the rest.

    Where it was grouped by user or key, the nil UUID stands for the organisation's own programs, or for no key.
    """

    spent: Spent
    day: date | None = None
    kind: str | None = None
    provider: str | None = None
    model: str | None = None
    user_id: UUID | None = None
    api_key_id: UUID | None = None


class CostSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The costs of a period: its groups in the order of `by`, and their sum."""

    period: Period
    by: tuple[Dimension, ...]
    lines: tuple[CostLine, ...]
    total: Spent


class Costs:
    """The costs of one organisation. Who may see them is the caller's to decide."""

    def __init__(self, database: Database, scope: Scope, *, clock: Clock) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock

    async def summary(self, period: Period, *, by: Iterable[Dimension | str] = (Dimension.DAY,)) -> CostSummary:
        """What was spent in `period`, grouped by all of `by`; by nothing, one line or none.

        Raises:
            InvalidRequest: costs can not be told apart by this.

        Cost: two statements; it reads `usage_daily` for days that are rolled up, and `usage` for the others.
        """
        dimensions = tuple(dict.fromkeys(_dimension(name) for name in by))
        async with self._database.tenant(self._scope, snapshot=True) as session:
            return await cost_summary(session, self._scope, period, dimensions, today=utc_day(self._clock.now()))


async def cost_summary(
    session: AsyncConnection, scope: Scope, period: Period, by: Sequence[Dimension], *, today: date
) -> CostSummary:
    """As `Costs.summary`, in a snapshot that is open already."""
    daily = (await _by_day(session, scope, period, today)).subquery()
    names = [_COLUMNS[dimension] for dimension in by]
    groups = [daily.c[name] for name in names]
    sums = [total(daily.c[name]).label(name) for name in SUMS if name != "cost_micro_usd"]
    paid = total(daily.c.cost_micro_usd, where=~daily.c.own_key).label("cost_micro_usd")
    own = total(daily.c.cost_micro_usd, where=daily.c.own_key).label("own_key_micro_usd")
    query = select(*groups, *sums, paid, own).group_by(*groups).order_by(*groups)
    rows = (await session.execute(query)).mappings().all()
    lines = tuple(
        CostLine(
            spent=msgspec.convert({key: row[key] for key in Spent.__struct_fields__}, Spent), **_values(row, names)
        )
        for row in rows
        if row["calls"]
    )
    return CostSummary(period=period, by=tuple(by), lines=lines, total=sum((line.spent for line in lines), Spent()))


async def _by_day(
    session: AsyncConnection, scope: Scope, period: Period, today: date
) -> Select[Any] | CompoundSelect[Any]:
    """What `period` has, by `KEYS`: from the roll-up where there is one of a day that is over, and else from the rows.

    A day that the nightly job has left out is read from the rows, so what was spent is never told too low.
    """
    rolled = select(usage_daily.c.day.distinct()).where(
        visible(usage_daily, scope),
        usage_daily.c.day.between(period.first, min(period.last, today - timedelta(days=1))),
    )
    closed = set((await session.scalars(rolled)).all())
    from_daily = select(*(usage_daily.c[name] for name in (*KEYS, *SUMS))).where(
        visible(usage_daily, scope), usage_daily.c.day.in_(closed)
    )
    still_open = _runs([day for day in period.days if day not in closed])
    if not still_open:
        return from_daily
    from_rows = by_day(scope, *still_open)
    return union_all(from_daily, from_rows) if closed else from_rows


def _runs(days: Sequence[date]) -> list[Period]:
    """`days`, which rise, as few periods as they make."""
    runs: list[Period] = []
    for day in days:
        if runs and runs[-1].last == day - timedelta(days=1):
            runs[-1] = Period(first=runs[-1].first, last=day)
        else:
            runs.append(Period(first=day, last=day))
    return runs


def _values(row: RowMapping, names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _dimension(name: str) -> Dimension:
    try:
        return Dimension(name)
    except ValueError:
        known = ", ".join(Dimension)
        raise InvalidRequest(f"costs can not be told apart by {name[:40]!r}: choose of {known}", field="by") from None


_COLUMNS = {
    Dimension.DAY: "day",
    Dimension.MODEL: "model",
    Dimension.PROVIDER: "provider",
    Dimension.USER: "user_id",
    Dimension.KEY: "api_key_id",
    Dimension.KIND: "kind",
}
