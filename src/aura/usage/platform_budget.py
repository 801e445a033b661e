"""The budget of the platform as a whole, over all of its tenants: `AURA_DAILY_BUDGET_USD`, `AURA_MONTHLY_BUDGET_USD`.

Its rows belong to no tenant, so it is kept by `aura_system`, in a transaction inside that of the tenant: when that one
goes back after all, the reservation goes with its lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database
from aura.database.tables import platform_reservations, platform_spent
from aura.errors import LimitExceeded
from aura.usage.periods import Window


class PlatformBudget:
    """What all tenants together may spend.

    Args:
        limits: micro-dollars for a day, a month, or both.
        lease_seconds: how long a reservation holds without being settled.
    """

    def __init__(self, database: Database, limits: dict[Window, int], *, lease_seconds: float = 600.0) -> None:
        self._database = database
        self._limits = limits
        self._lease_seconds = lease_seconds

    async def reserve(self, id: UUID, options: Sequence[int], *, first: int, now: datetime) -> int:
        """Reserve the first of `options` from `first` on that there is room for; which it was.

        Raises:
            LimitExceeded: there is room for none.
        """
        async with self._database.system() as session:
            spent = await self._lock(session, now)
            live = select(func.coalesce(func.sum(platform_reservations.c.micro_usd), 0)).where(
                platform_reservations.c.lease_until > now
            )
            reserved = int((await session.execute(live)).scalar_one())
            left = {span: limit - spent[span] - reserved for span, limit in self._limits.items()}
            narrowest = min(left, key=lambda span: left[span])
            option = next((n for n, price in enumerate(options) if n >= first and price <= left[narrowest]), None)
            if option is None:
                raise self._exceeded(narrowest, now)
            lease_until = now + timedelta(seconds=self._lease_seconds)
            row = {"id": id, "micro_usd": options[option], "lease_until": lease_until}
            await session.execute(insert(platform_reservations).values(row))
        return option

    async def settle(self, id: UUID, micro_usd: int, *, reserved_at: datetime) -> None:
        """Charge `micro_usd` in the place of what was reserved."""
        async with self._database.system() as session:
            if micro_usd:
                await self._lock(session, reserved_at)
                keys = [(span.value, span.start(reserved_at)) for span in self._limits]
                where = tuple_(platform_spent.c.span, platform_spent.c.starts_at).in_(keys)
                spent = update(platform_spent).where(where).values(micro_usd=platform_spent.c.micro_usd + micro_usd)
                await session.execute(spent)
            await session.execute(delete(platform_reservations).where(platform_reservations.c.id == id))

    async def _lock(self, session: AsyncConnection, now: datetime) -> dict[Window, int]:
        found: dict[Window, int] = {}
        for span in sorted(self._limits):
            row = {"span": span.value, "starts_at": span.start(now), "micro_usd": 0}
            statement = upsert(platform_spent).values(row)
            statement = statement.on_conflict_do_update(
                constraint=platform_spent.primary_key, set_={"micro_usd": platform_spent.c.micro_usd}
            ).returning(platform_spent.c.micro_usd)
            found[span] = int((await session.execute(statement)).scalar_one())
        return found

    def _exceeded(self, span: Window, now: datetime) -> LimitExceeded:
        """A tenant is not told what the platform has."""
        renews_at = span.end(now)
        return LimitExceeded(
            f"the platform's budget for this {span} is used up; it begins anew at {renews_at:%Y-%m-%dT%H:%M:%SZ}",
            limit=f"platform_{span}_budget_micro_usd",
            renews_at=renews_at,
        )
