"""Logging in: from an e-mail address and a password to an organisation and its member.

Every failure looks and costs the same, so that nobody learns which organisations and accounts exist.
"""

from __future__ import annotations

from sqlalchemy import RowMapping, select, update

from aura.clock import Clock, SystemClock
from aura.database.engine import Database
from aura.database.tables import organisations, users
from aura.errors import Denied, Unauthenticated
from aura.identity import Role, Scope, TenantId, UserId
from aura.tenants import organisations as known
from aura.tenants import validation
from aura.tenants.passwords import Passwords
from aura.tenants.users import FIELDS, as_user
from aura.tenants.values import Organisation, User


class Logins:
    """Checks who someone is, before any scope is known: it reads the columns of a login as `aura_system`."""

    def __init__(self, database: Database, *, passwords: Passwords, clock: Clock | None = None) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock or SystemClock()

    async def verify(self, tenant_subdomain: str, email: str, password: str) -> tuple[Organisation, User]:
        """The organisation and the member that these credentials belong to. Cost: one password check, also in vain.

        Raises:
            Unauthenticated: with one and the same message for an unknown organisation, an unknown member, a wrong
                password, and an organisation or a member that is not active any more.
        """
        row = await self._find(tenant_subdomain, email)
        verdict = await self._passwords.verify(password, None if row is None else str(row["password_hash"]))
        if row is None or not verdict.right:
            raise _denied()
        organisation = known.as_organisation(row)
        try:
            known.ensure_active(organisation, self._clock)
        except Denied:
            raise _denied() from None
        return organisation, await self._enter(organisation.id, row, verdict.stronger_hash)

    async def named(self, tenant_subdomain: str, email: str) -> tuple[TenantId, UserId] | None:
        """Whose credentials these would be, were the password right; for the audit alone, and for nobody who asks."""
        row = await self._find(tenant_subdomain, email)
        return None if row is None else (TenantId(row["id"]), UserId(row["user_id"]))

    async def _find(self, tenant_subdomain: str, email: str) -> RowMapping | None:
        """The login's row, by one query whatever exists."""
        query = (
            select(*known.FIELDS, users.c.id.label("user_id"), users.c.password_hash)
            .join(users, users.c.tenant_id == organisations.c.id)
            .where(
                organisations.c.subdomain == (validation.find_subdomain(tenant_subdomain) or ""),
                users.c.email == (validation.find_email(email) or ""),
            )
        )
        async with self._database.system() as connection:
            return (await connection.execute(query)).mappings().one_or_none()

    async def _enter(self, tenant_id: TenantId, row: RowMapping, stronger_hash: str | None) -> User:
        """The active member, read in the member's own scope. It may be gone or switched off since."""
        user_id = row["user_id"]
        mine = (users.c.tenant_id == tenant_id, users.c.id == user_id, users.c.is_active)
        async with self._database.tenant(Scope(tenant_id=tenant_id, role=Role.USER)) as connection:
            if stronger_hash is not None:
                unchanged = users.c.password_hash == row["password_hash"]
                await connection.execute(update(users).where(*mine, unchanged).values(password_hash=stronger_hash))
            found = (await connection.execute(select(*FIELDS).where(*mine))).mappings().one_or_none()
        if found is None:
            raise _denied()
        return as_user(found)


def _denied() -> Unauthenticated:
    return Unauthenticated(
        "these credentials open no active account: check the organisation's sub-domain, the e-mail address and the"
        " password, or ask the organisation's admin"
    )
