"""The organisations on this platform: made, found, changed, switched off and removed.

One is found before its scope is known through `aura_system`, which sees organisations and nothing that belongs to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import msgspec
from sqlalchemy import RowMapping, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from aura.clock import Clock, SystemClock
from aura.database.engine import Database
from aura.database.tables import organisations, users
from aura.errors import AuraError, Conflict, Denied, NotFound
from aura.identity import Role, Scope, TenantId
from aura.tenants import validation
from aura.tenants.collections import add_default
from aura.tenants.logo import checked_logo
from aura.tenants.passwords import Passwords
from aura.tenants.users import insert_user, new_user
from aura.tenants.values import (
    Limits,
    Organisation,
    OrganisationChanges,
    Page,
    PlanChanges,
    Tier,
    User,
    changed,
)

UNFINISHED_AFTER: Final = timedelta(minutes=10)
"""An organisation without any user after this long is what a killed process left behind; its name is free again."""

_VOICE_LIMITS: Final = ("max_voice_sessions", "max_voice_minutes_monthly")
FIELDS: Final = tuple(organisations.c[name] for name in Organisation.__struct_fields__)


class Organisations:
    """Every organisation of the platform. Who may ask for what is the caller's to decide."""

    def __init__(self, database: Database, *, passwords: Passwords, clock: Clock | None = None) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock or SystemClock()

    async def create(
        self,
        *,
        organization_name: str,
        subdomain: str,
        admin_email: str,
        password: str,
        name: str = "",
        subscription_tier: Tier | str = Tier.STANDARD,
        plan: PlanChanges | None = None,
    ) -> tuple[Organisation, User]:
        """A new organisation, with its first admin and its default collection. Where it fails, nothing is left behind.

        Args:
            name: the admin's.
            plan: what differs from the tier's own limits.

        Raises:
            InvalidRequest: a field can not be used; `field` names it.
            Conflict: the sub-domain is taken.
        """
        tier = validation.tier(subscription_tier)
        tenant_id = TenantId(uuid4())
        values = {
            "id": tenant_id,
            "organization_name": validation.name(organization_name, field="organization_name"),
            "subdomain": validation.subdomain(subdomain),
            "admin_email": validation.email(admin_email, field="admin_email"),
            **_plan_values(msgspec.structs.replace(plan or PlanChanges(), subscription_tier=tier)),
        }
        admin = await new_user(
            self._passwords, tenant_id, email=admin_email, password=password, role=Role.ADMIN, name=name
        )
        await reserve(self._database, values)
        try:
            return await self._furnish(tenant_id, admin, is_active=bool(values.get("is_active", True)))
        except BaseException:
            with suppress(AuraError):  # the error that matters is the first; what is left now is freed by `reserve`
                await asyncio.shield(self.delete(tenant_id))
            raise

    async def get(self, tenant_id: TenantId) -> Organisation:
        """The organisation `tenant_id`.

        Raises:
            NotFound: there is none.
        """
        query = select(*FIELDS).where(organisations.c.id == tenant_id)
        async with self._database.tenant(Scope(tenant_id=tenant_id)) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no organisation {tenant_id}")
        return as_organisation(row)

    async def by_subdomain(self, subdomain: str) -> Organisation:
        """The organisation with this sub-domain, in upper or lower case.

        Raises:
            NotFound: there is none.
        """
        label = validation.find_subdomain(subdomain)
        if label is None:
            raise NotFound(f"there is no organisation {subdomain[:80]!r}")
        query = select(*FIELDS).where(organisations.c.subdomain == label)
        async with self._database.system() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no organisation {label!r}")
        return as_organisation(row)

    async def list(self, *, limit: int = 100, cursor: str | None = None) -> Page[Organisation]:
        """The organisations in the order of their sub-domains, `limit` at a time."""
        size = validation.page_size(limit)
        query = (
            select(*FIELDS)
            .where(organisations.c.subdomain > validation.cursor(cursor))
            .order_by(organisations.c.subdomain)
            .limit(size + 1)
        )
        async with self._database.system() as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = tuple(as_organisation(row) for row in rows[:size])
        return Page(items=found, next_cursor=found[-1].subdomain if len(rows) > size else None)

    async def update(self, tenant_id: TenantId, changes: OrganisationChanges) -> Organisation:
        """Change what an organisation's own admin may change of it.

        Raises:
            InvalidRequest, NotFound
        """
        return await self._change(tenant_id, _own_values(changes))

    async def set_plan(self, tenant_id: TenantId, changes: PlanChanges) -> Organisation:
        """Change the plan, its limits and its end; for the platform's operator alone.

        Raises:
            InvalidRequest, NotFound
        """
        return await self._change(tenant_id, _plan_values(changes))

    async def set_active(self, tenant_id: TenantId, active: bool) -> Organisation:
        """Switch an organisation on or off. Its data stays."""
        return await self.set_plan(tenant_id, PlanChanges(is_active=active))

    async def delete(self, tenant_id: TenantId) -> None:
        """Remove an organisation and, in the same statement, every row of its tables; its files are the caller's.

        Raises:
            NotFound: there is none.
        """
        async with self._database.system() as connection:
            gone = await connection.execute(
                delete(organisations).where(organisations.c.id == tenant_id).returning(organisations.c.id)
            )
            if gone.one_or_none() is None:
                raise NotFound(f"there is no organisation {tenant_id}")

    def ensure_active(self, organisation: Organisation) -> None:
        """Refuse an organisation that was switched off, or whose time is over.

        Raises:
            Denied
        """
        ensure_active(organisation, self._clock)

    async def _furnish(
        self, tenant_id: TenantId, admin: Mapping[str, object], *, is_active: bool
    ) -> tuple[Organisation, User]:
        """The admin, the collection and the switch to active: one transaction, so that all of it is there or nothing."""
        async with self._database.tenant(Scope(tenant_id=tenant_id)) as connection:
            user = await insert_user(connection, admin)
            await add_default(connection, tenant_id)
            active = update(organisations).where(organisations.c.id == tenant_id).values(is_active=is_active)
            row = (await connection.execute(active.returning(*FIELDS))).mappings().one()
        return as_organisation(row), user

    async def _change(self, tenant_id: TenantId, values: Mapping[str, object]) -> Organisation:
        if not values:
            return await self.get(tenant_id)
        change = update(organisations).where(organisations.c.id == tenant_id).values(**values).returning(*FIELDS)
        async with self._database.tenant(Scope(tenant_id=tenant_id)) as connection:
            row = (await connection.execute(change)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no organisation {tenant_id}")
        return as_organisation(row)


async def reserve(database: Database, values: Mapping[str, object]) -> None:
    """Take a sub-domain with the row of an organisation that is not active yet. Whoever fills it makes it active.

    Raises:
        Conflict: the sub-domain is taken.
    """
    unfinished = delete(organisations).where(
        organisations.c.subdomain == values["subdomain"],
        organisations.c.created_at < func.now() - UNFINISHED_AFTER,
        ~organisations.c.is_active,  # looked at again when the row was locked by who has just finished it
        ~exists(select(users.c.id).where(users.c.tenant_id == organisations.c.id)),
    )
    row = {**values, "is_active": False}
    taken = insert(organisations).values(row).on_conflict_do_nothing(index_elements=["subdomain"])
    async with database.system() as connection:
        await connection.execute(unfinished)
        made = (await connection.execute(taken.returning(organisations.c.id))).one_or_none()
    if made is None:
        raise Conflict(f"the sub-domain {values['subdomain']!r} is taken: choose another")


def ensure_active(organisation: Organisation, clock: Clock) -> None:
    """Refuse an organisation that was switched off, or whose time is over by `clock`.

    Raises:
        Denied
    """
    if not organisation.is_active:
        raise Denied(f"the organisation {organisation.subdomain!r} is switched off: ask the platform's operator")
    if organisation.expires_at is not None and organisation.expires_at <= clock.now():
        raise Denied(
            f"the plan of {organisation.subdomain!r} ended on {organisation.expires_at:%Y-%m-%d}: renew it to go on"
        )


def as_organisation(row: RowMapping) -> Organisation:
    """The organisation of a row that has at least `FIELDS`."""
    return msgspec.convert(row, Organisation)


def _own_values(changes: OrganisationChanges) -> dict[str, object]:
    values = changed(changes)
    if changes.organization_name is not msgspec.UNSET:
        values["organization_name"] = validation.name(changes.organization_name, field="organization_name")
    if changes.admin_email is not msgspec.UNSET:
        values["admin_email"] = validation.email(changes.admin_email, field="admin_email")
    if changes.custom_settings is not msgspec.UNSET:
        values["custom_settings"] = validation.json_object(changes.custom_settings, field="custom_settings")
    if changes.custom_logo is not msgspec.UNSET:
        values["custom_logo"] = checked_logo(changes.custom_logo)
    if changes.brand_colors is not msgspec.UNSET:
        values["brand_colors"] = validation.brand_colors(changes.brand_colors)
    return values


def _plan_values(changes: PlanChanges) -> dict[str, object]:
    values = changed(changes)
    if changes.subscription_tier is not msgspec.UNSET:
        tier = validation.tier(changes.subscription_tier)
        values = {
            **msgspec.structs.asdict(tier.limits),
            **dict.fromkeys(_VOICE_LIMITS),
            **values,
            "subscription_tier": tier.value,
        }
    for field in Limits.__struct_fields__:
        if field in values:
            validation.limit(values[field], field=field)
    for field in _VOICE_LIMITS:
        if values.get(field) is not None:
            validation.limit(values[field], field=field)
    if isinstance(changes.expires_at, datetime):
        validation.moment(changes.expires_at, field="expires_at")
    return values
