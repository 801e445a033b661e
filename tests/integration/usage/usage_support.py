"""What the tests of usage share besides their fixtures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, select

from aura.database.engine import Database
from aura.database.tables import counters, usage
from aura.identity import Role, Scope, UserId
from aura.settings import Settings
from aura.tenants.users import Users
from aura.tenants.values import Organisation, User
from aura.testing.clock import FixedClock
from aura.usage.audit import Audit
from aura.usage.costs import Costs
from aura.usage.insights import Insights
from aura.usage.ledger import Kind, Ledger, Outcome, UsageRow
from aura.usage.quotas import Quotas

PASSWORD = "correct horse battery"
SETTINGS = Settings(requests_per_minute=5, user_requests_per_minute=3, uploads_per_hour=4, user_uploads_per_hour=2)


@dataclass(frozen=True)
class Key:
    """An API key as quotas see it."""

    id: UUID
    monthly_calls: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True)
class Tenant:
    """An organisation of a test, with everything that counts for it."""

    organisation: Organisation
    admin: User
    users: Users
    database: Database
    clock: FixedClock

    @property
    def service(self) -> Scope:
        return Scope(tenant_id=self.organisation.id, role=Role.SERVICE)

    @property
    def programs(self) -> Scope:
        return Scope(tenant_id=self.organisation.id, role=Role.ADMIN)

    @property
    def scope(self) -> Scope:
        return self.scope_of(self.admin.id)

    @property
    def audit(self) -> Audit:
        return Audit(self.database, self.scope, clock=self.clock, may_read=True)

    @property
    def costs(self) -> Costs:
        return Costs(self.database, self.scope, clock=self.clock)

    @property
    def insights(self) -> Insights:
        return Insights(self.database, self.scope, clock=self.clock)

    def scope_of(self, user: UserId | None) -> Scope:
        return Scope(tenant_id=self.organisation.id, user_id=user, role=Role.ADMIN)

    def ledger(self, user: UserId | None = None, *, key: UUID | None = None) -> Ledger:
        return Ledger(self.database, self.scope_of(user), clock=self.clock, api_key_id=key)

    def quotas(self, user: UserId | None = None, *, key: Key | None = None, settings: Settings = SETTINGS) -> Quotas:
        return Quotas(
            self.database, self.scope_of(user), self.organisation, settings=settings, clock=self.clock, key=key
        )

    async def spend(self, at: datetime | None = None, **fields: object) -> None:
        """One row of the ledger, recorded `at`."""
        if at is not None:
            self.clock.set(at)
        await self.ledger().record(row(**fields))

    async def rows(self) -> list[RowMapping]:
        """The ledger as it is."""
        async with self.database.tenant(self.service) as session:
            found = await session.execute(select(usage).order_by(usage.c.created_at, usage.c.id))
            return list(found.mappings())

    async def counted(self) -> list[tuple[str, str, int]]:
        """The counters as they are."""
        async with self.database.tenant(self.service) as session:
            query = select(counters.c.subject, counters.c.name, counters.c.used).order_by(
                counters.c.subject, counters.c.name, counters.c.window_start
            )
            return [tuple(row) for row in await session.execute(query)]


def row(**fields: object) -> UsageRow:
    """A row of the ledger that differs from a plain one in `fields`."""
    plain = {"kind": Kind.CHAT, "provider": "openai", "model": "gpt", "outcome": Outcome.OK, "cost_micro_usd": 0}
    return UsageRow(**{**plain, **fields})  # type: ignore[arg-type]
