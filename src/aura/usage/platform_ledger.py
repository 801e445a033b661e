"""The platform's own ledger: calls that it makes for itself, such as probes of models, and that no tenant pays for.

Each has a row, in the same tokens and micro-dollars as a tenant's calls, and counts in the platform's budget.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Date, Select, case, cast, delete, func, insert, literal, select

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.tables import platform_usage as table
from aura.errors import InvalidRequest
from aura.usage.costs import CostLine, CostSummary, Dimension, Spent
from aura.usage.ledger import Outcome, UsageRow
from aura.usage.periods import Period, utc_day
from aura.usage.platform_budget import PlatformBudget
from aura.usage.totals import Totals

KEPT_DAYS: Final = 400
"""How long a row is kept: a year of costs can be shown."""
_ROW: Final = tuple(
    column.name for column in table.columns if column.name not in ("id", "created_at", "kind", "outcome", "certainty")
)


class PlatformLedger:
    """Writes what the platform calls itself, and says what that has cost. For who runs the platform, and no tenant."""

    def __init__(
        self, database: Database, *, clock: Clock, budget: PlatformBudget | None = None, totals: Totals | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._budget = budget
        self._totals = totals or Totals()

    async def has_room(self) -> bool:
        """Whether the platform's budget has anything left. Cost: one statement where there is a budget."""
        if self._budget is None:
            return True
        async with self._database.system() as session:
            return await self._budget.has_room(session, self._clock.now())

    async def record(self, row: UsageRow) -> None:
        """Write one row, and charge it to the platform's budget; rows older than `KEPT_DAYS` go. Cost: one transaction."""
        self._totals.note_probe(row)
        now = self._clock.now()
        values = {
            "id": uuid4(),
            "created_at": now,
            "kind": row.kind.value,
            "outcome": row.outcome.value,
            "certainty": row.certainty or "exact",
            **{name: getattr(row, name) for name in _ROW},
        }
        async with self._database.system() as session:
            await session.execute(delete(table).where(table.c.created_at < now - timedelta(days=KEPT_DAYS)))
            await session.execute(insert(table).values(values))
            if self._budget is not None:
                await self._budget.charge(session, row.cost_micro_usd or 0, now=now)

    async def get_cost_summary(
        self, period: Period | None = None, *, by: Iterable[Dimension | str] = (Dimension.DAY,)
    ) -> CostSummary:
        """What was spent in `period`, grouped by all of `by`; of the last 30 days unless another period is given.

        Raises:
            InvalidRequest: the platform's own costs can not be told apart by this: nobody's user and no key made them.
        """
        period = period or Period.ending(utc_day(self._clock.now()), days=30)
        dimensions = tuple(dict.fromkeys(_dimension(name) for name in by))
        async with self._database.system() as session:
            rows = (await session.execute(_summed(period, dimensions))).mappings().all()
        names = [dimension.value for dimension in dimensions]
        lines = tuple(
            CostLine(spent=Spent(**{name: int(row[name]) for name in _SUMS}), **{name: row[name] for name in names})
            for row in rows
            if row["calls"]
        )
        return CostSummary(
            period=period, by=dimensions, lines=lines, total=sum((each.spent for each in lines), Spent())
        )


def _summed(period: Period, by: tuple[Dimension, ...]) -> Select[tuple[object, ...]]:
    groups = [_COLUMNS[dimension].label(dimension.value) for dimension in by]
    query = select(*groups, *(total.label(name) for name, total in _SUMS.items()))
    within = (table.c.created_at >= period.start) & (table.c.created_at < period.end)
    return query.where(within).group_by(*groups).order_by(*groups)


def _dimension(name: str) -> Dimension:
    if name in _COLUMNS:
        return Dimension(name)
    known = ", ".join(_COLUMNS)
    raise InvalidRequest(
        f"the platform's own costs can not be told apart by {name[:40]!r}: choose of {known}", field="by"
    )


def _total(value: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(value), 0)


_COLUMNS: Final[dict[Dimension, ColumnElement[Any]]] = {
    Dimension.DAY: cast(func.timezone("UTC", table.c.created_at), Date),
    Dimension.MODEL: table.c.model,
    Dimension.PROVIDER: table.c.provider,
    Dimension.KIND: table.c.kind,
}
_SUMS: Final[dict[str, ColumnElement[int]]] = {
    "calls": func.count(),
    "failures": _total(case((table.c.outcome == Outcome.FAILED.value, literal(1)), else_=0)),
    "unpriced": _total(case((table.c.cost_micro_usd.is_(None), literal(1)), else_=0)),
    "tokens_in": _total(table.c.tokens_in),
    "tokens_cached": _total(table.c.tokens_cached),
    "tokens_out": _total(table.c.tokens_out),
    "cost_micro_usd": _total(table.c.cost_micro_usd),
}
