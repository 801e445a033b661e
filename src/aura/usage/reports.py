"""What an organisation may know of its own use: costs and the dashboard, by days."""

from __future__ import annotations

from collections.abc import Iterable

from aura.clock import Clock
from aura.database.engine import Database
from aura.identity import Scope
from aura.usage.costs import Costs, CostSummary, Dimension
from aura.usage.insights import Dashboard, Insights
from aura.usage.periods import Period, utc_day


class Reports:
    """Costs and numbers of one organisation. Who may see them is the caller's to decide."""

    def __init__(self, database: Database, scope: Scope, *, clock: Clock) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock

    def last(self, days: int) -> Period:
        """The `days` days that end with today. Raises `InvalidRequest` unless they are between 1 and 366."""
        return Period.ending(utc_day(self._clock.now()), days=days)

    async def costs(
        self, period: Period | None = None, *, by: Iterable[Dimension | str] = (Dimension.DAY,)
    ) -> CostSummary:
        """What was spent, grouped by all of `by`; of the last 30 days unless another period is given.

        Raises:
            InvalidRequest: costs can not be told apart by this.
        """
        costs = Costs(self._database, self._scope, clock=self._clock)
        return await costs.summary(period or self.last(30), by=by)

    async def get_cost_summary(
        self, period: Period | None = None, *, by: Iterable[Dimension | str] = (Dimension.DAY,)
    ) -> CostSummary:
        """As `costs`, under the name that the router's documentation has."""
        return await self.costs(period, by=by)

    async def dashboard(self, period: Period | None = None) -> Dashboard:
        """The numbers of a dashboard; of the last 7 days unless another period is given."""
        return await Insights(self._database, self._scope, clock=self._clock).dashboard(period or self.last(7))
