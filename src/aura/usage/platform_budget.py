"""The budget of the platform as a whole, over all of its tenants: `AURA_DAILY_BUDGET_USD`, `AURA_MONTHLY_BUDGET_USD`.

Its rows belong to no tenant, and the application does not see them. Two functions of the database reserve and charge them
inside the tenant's transaction: where that one goes back, so does the platform's part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, DateTime, Text, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.tables import platform_spent
from aura.errors import LimitExceeded
from aura.usage.periods import Window


class PlatformBudget:
    """What all tenants together may spend.

    Args:
        limits: micro-dollars for a day, a month, or both.
        lease_seconds: how long a reservation holds without being settled.
    """

    def __init__(self, limits: Mapping[Window, int], *, lease_seconds: float = 600.0) -> None:
        self._limits = {span: limits[span] for span in sorted(limits)}  # the order in which rows are locked
        self._lease_seconds = lease_seconds

    async def reserve(
        self, session: AsyncConnection, id: UUID, options: Sequence[int], *, first: int, now: datetime
    ) -> int:
        """Reserve the first of `options` from `first` on that there is room for, in a tenant's transaction; which it was.

        Raises:
            LimitExceeded: there is room for none.

        Cost: one statement; callers of all tenants wait for each other until their transactions end.
        """
        reserved = func.aura_reserve_platform(
            id,
            _numbers("prices", options[first:]),
            self._spans,
            self._starts(now),
            _numbers("limits", list(self._limits.values())),
            now,
            now + timedelta(seconds=self._lease_seconds),
        )
        place = int((await session.execute(select(reserved))).scalar_one())
        if place < 0:
            raise _exceeded(list(self._limits)[-place - 1], now)
        return first + place - 1

    async def settle(self, session: AsyncConnection, id: UUID, micro_usd: int, *, reserved_at: datetime) -> None:
        """Charge `micro_usd` in the place of what was reserved, in a tenant's transaction."""
        settled = func.aura_settle_platform(id, micro_usd, self._spans, self._starts(reserved_at))
        await session.execute(select(settled))

    async def has_room(self, session: AsyncConnection, now: datetime) -> bool:
        """Whether every limit has something left, for a call of the platform's own; calls under way are not counted."""
        query = select(platform_spent.c.span, platform_spent.c.micro_usd).where(self._current(now))
        spent = {row.span: int(row.micro_usd) for row in await session.execute(query)}
        return all(spent.get(span.value, 0) < limit for span, limit in self._limits.items())

    async def charge(self, session: AsyncConnection, micro_usd: int, *, now: datetime) -> None:
        """Charge a call of the platform's own, in a transaction of the system's role."""
        for span in self._limits:
            row = {"span": span.value, "starts_at": span.start(now), "micro_usd": micro_usd}
            added = platform_spent.c.micro_usd + micro_usd
            statement = insert(platform_spent).values(row)
            await session.execute(
                statement.on_conflict_do_update(constraint=platform_spent.primary_key, set_={"micro_usd": added})
            )

    def _current(self, now: datetime) -> ColumnElement[bool]:
        starts = [(span.value, span.start(now)) for span in self._limits]
        return tuple_(platform_spent.c.span, platform_spent.c.starts_at).in_(starts)

    @property
    def _spans(self) -> object:
        return bindparam("spans", [span.value for span in self._limits], ARRAY(Text))

    def _starts(self, now: datetime) -> object:
        return bindparam("starts", [span.start(now) for span in self._limits], ARRAY(DateTime(timezone=True)))


def _numbers(name: str, values: Sequence[int]) -> object:
    return bindparam(name, list(values), ARRAY(BigInteger))


def _exceeded(span: Window, now: datetime) -> LimitExceeded:
    """A tenant is not told what the platform has."""
    renews_at = span.end(now)
    return LimitExceeded(
        f"the platform's budget for this {span} is used up; it begins anew at {renews_at:%Y-%m-%dT%H:%M:%SZ}",
        limit=f"platform_{span}_budget_micro_usd",
        renews_at=renews_at,
    )
