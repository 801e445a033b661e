"""The books of one caller: its budgets are reserved of before an attempt, and charged after it with its row in one step."""

from __future__ import annotations

from collections.abc import Sequence

from aura.database.engine import Database
from aura.identity import Scope
from aura.usage.budgets import Booking, Budgets
from aura.usage.ledger import Ledger, UsageRow
from aura.usage.totals import Totals


class Accounts:
    """What the router is given as its books."""

    def __init__(
        self, database: Database, scope: Scope, *, budgets: Budgets, ledger: Ledger, totals: Totals | None = None
    ) -> None:
        self._database = database
        self._scope = scope
        self._budgets = budgets
        self._ledger = ledger
        self._totals = totals or Totals()

    async def reserve(self, options: Sequence[int]) -> Booking:
        """As `Budgets.reserve`."""
        return await self._budgets.reserve(options)

    async def settle(self, booking: Booking, row: UsageRow) -> None:
        """Write `row`, and charge its cost in the place of what was reserved: both or neither."""
        self._totals.note(row)
        async with self._database.tenant(self._scope) as session:
            await self._ledger.write(session, row, at=booking.reserved_at)
            await self._budgets.settle(session, booking, 0 if row.own_key else row.cost_micro_usd or 0)

    async def release(self, booking: Booking) -> None:
        """Give back what was reserved for an attempt that was not made."""
        if booking.id is None:
            return
        async with self._database.tenant(self._scope) as session:
            await self._budgets.settle(session, booking, 0)
