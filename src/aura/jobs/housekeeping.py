"""What is done by the clock, for one tenant after the other: what has had its time goes, and what is summed up is summed up.

Every duty may be repeated at any time, so that it does not matter when, or whether another worker did it just now.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Table, and_, delete, or_, select

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.tables import (
    budget_reservations,
    budget_spent,
    conversations,
    counters,
    idempotency_keys,
    login_attempts,
    messages,
    organisations,
    persona_signals,
    responses,
    sessions,
    tickets,
    voice_sessions,
    voice_turns,
    webhook_deliveries,
)
from aura.errors import AuraError
from aura.identity import Role, Scope, TenantId
from aura.memory import fact_rows, outbox
from aura.memory.settings import RETENTION
from aura.usage.rollup import roll_up_closed
from aura.webhooks.values import DeliveryState

logger = logging.getLogger(__name__)

_PAGE = 500


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """What a duty must know of an organisation."""

    id: TenantId
    custom_settings: dict[str, object]

    @property
    def scope(self) -> Scope:
        return Scope(tenant_id=self.id, role=Role.SERVICE)

    @property
    def retention(self) -> timedelta | None:
        days = self.custom_settings.get(RETENTION)
        if isinstance(days, int) and not isinstance(days, bool) and 0 < days < 36_500:
            return timedelta(days=days)
        return None


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done for each tenant; `run` says how many rows it touched."""

    name: str
    run: Callable[[Database, Tenant, Clock], Awaitable[int]]


class Housekeeping:
    """Does every duty for every tenant; where one fails, the others go on."""

    def __init__(self, database: Database, *, clock: Clock, duties: Sequence[Duty]) -> None:
        self._database = database
        self._clock = clock
        self._duties = tuple(duties)

    async def run(self) -> dict[str, int]:
        """Do all of it now; the rows touched, by duty. Cost: one transaction for each duty and tenant.

        Raises:
            Unavailable: the database is away, so that the tenants are not known.
        """
        done = dict.fromkeys((duty.name for duty in self._duties), 0)
        async with self._database.system() as session:
            stale = delete(login_attempts).where(login_attempts.c.failed_at < self._clock.now() - timedelta(days=30))
            done["login attempts"] = (await session.execute(stale)).rowcount
        async for tenant in self._tenants():
            for duty in self._duties:
                try:
                    done[duty.name] += await duty.run(self._database, tenant, self._clock)
                except AuraError as error:
                    logger.warning("%s of tenant %s not done: %s", duty.name, tenant.id, error)
                except Exception:  # the edge of the duty: one tenant must not stop the others
                    logger.exception("%s of tenant %s failed", duty.name, tenant.id)
        logger.info("housekeeping: %s", ", ".join(f"{name} {count}" for name, count in done.items() if count) or "-")
        return done

    async def _tenants(self) -> AsyncGenerator[Tenant]:
        """Every organisation, also those that are switched off: what has had its time goes there, too."""
        query = select(organisations.c.id, organisations.c.custom_settings).order_by(organisations.c.id).limit(_PAGE)
        page = query
        while True:
            async with self._database.system() as session:
                found = [msgspec.convert(row, Tenant) for row in (await session.execute(page)).mappings()]
            for tenant in found:
                yield tenant
            if len(found) < _PAGE:
                return
            page = query.where(organisations.c.id > found[-1].id)


async def _retention(database: Database, tenant: Tenant, clock: Clock) -> int:
    if tenant.retention is None:
        return 0
    rested = and_(conversations.c.updated_at < clock.now() - tenant.retention, ~conversations.c.pinned)
    mine = and_(conversations.c.tenant_id == tenant.id, rested)
    talks = messages.c.conversation_id.in_(select(conversations.c.id).where(mine))
    async with database.tenant(tenant.scope) as session:
        others = await fact_rows.proven_by(session, tenant.scope, talks)
        gone = (await session.execute(delete(conversations).where(mine))).rowcount
        await fact_rows.drop_unproven(session, tenant.scope)
        await outbox.put_again(session, tenant.scope, others)
    return gone


async def _roll_up(database: Database, tenant: Tenant, clock: Clock) -> int:
    return len(await roll_up_closed(database, tenant.scope, clock=clock))


def _expiry(name: str, table: Table, expired: Callable[[datetime], ColumnElement[bool]]) -> Duty:
    async def run(database: Database, tenant: Tenant, clock: Clock) -> int:
        return await _delete(database, tenant, table, expired(clock.now()))

    return Duty(name=name, run=run)


async def _delete(database: Database, tenant: Tenant, table: Table, expired: ColumnElement[bool]) -> int:
    async with database.tenant(tenant.scope) as session:
        return (await session.execute(delete(table).where(table.c.tenant_id == tenant.id, expired))).rowcount


def _ended_delivery(now: datetime) -> ColumnElement[bool]:
    state, made = webhook_deliveries.c.state, webhook_deliveries.c.created_at
    return or_(
        and_(state == DeliveryState.DELIVERED, made < now - timedelta(days=7)),
        and_(state == DeliveryState.DEAD, made < now - timedelta(days=30)),
    )


DUTIES: Final = (
    Duty(name="conversations", run=_retention),
    Duty(name="days of usage", run=_roll_up),
    _expiry("sessions", sessions, lambda now: sessions.c.expires_at < now - timedelta(days=1)),
    _expiry("tickets", tickets, lambda now: tickets.c.expires_at < now),
    _expiry("voice sessions", voice_sessions, lambda now: voice_sessions.c.resumable_until < now),
    _expiry("voice turns", voice_turns, lambda now: voice_turns.c.created_at < now - timedelta(days=400)),
    _expiry("idempotency keys", idempotency_keys, lambda now: idempotency_keys.c.created_at < now - timedelta(days=1)),
    _expiry(
        "responses",
        responses,
        lambda now: and_(responses.c.lease_until < now, responses.c.created_at < now - timedelta(days=1)),
    ),
    _expiry("counters", counters, lambda now: counters.c.window_start < now - timedelta(days=62)),
    _expiry("reservations", budget_reservations, lambda now: budget_reservations.c.lease_until < now),
    _expiry("spans of budgets", budget_spent, lambda now: budget_spent.c.starts_at < now - timedelta(days=62)),
    _expiry("persona signals", persona_signals, lambda now: persona_signals.c.created_at < now - timedelta(days=365)),
    _expiry("webhook deliveries", webhook_deliveries, _ended_delivery),
)
