"""Tickets: good once and for a minute, for sockets and event sources, which can send no header.

What stands in an address ends in logs and histories; a ticket is worth nothing there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, and_, delete, insert, or_, select
from sqlalchemy.sql.selectable import CTE

from aura.access.api_keys import FIELDS as KEY_FIELDS
from aura.access.api_keys import ApiKey
from aura.access.callers import Caller, Ticket, grant_of
from aura.access.credentials import Credential, Kind, refused
from aura.access.principals import COLUMNS, is_over, members_of, of_tenant, principal
from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import api_keys, sessions, tickets, users
from aura.errors import InvalidRequest
from aura.identity import Role, Scope
from aura.tenants import validation

LIFE: Final = timedelta(seconds=60)


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """Who has used a ticket, and the settings that it was made with."""

    caller: Caller
    settings: dict[str, object] | None = None


class Tickets:
    """Gives tickets out, and takes each of them once, from whichever process."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def issue(
        self, caller: Caller, *, life: timedelta = LIFE, settings: dict[str, object] | None = None
    ) -> Ticket:
        """A ticket with the caller's own rights: it ends with the session or the key behind it. Cost: one transaction.

        Args:
            settings: those of what is opened with it.

        Raises:
            InvalidRequest: one of the operator's services calls, which needs none; or the settings can not be stored.
        """
        if caller.user is None:
            raise InvalidRequest("a ticket belongs to a member: services send their key in a header")
        now = self._clock.now()
        scope = Scope(tenant_id=caller.organisation.id, user_id=caller.user.id)
        made = Credential.new(Kind.TICKET, scope.tenant_id)
        row = {
            "tenant_id": scope.tenant_id,
            "id": made.id,
            "secret_sha256": made.sha256,
            "user_id": caller.user.id,
            "session_id": caller.session_id,
            "api_key_id": None if caller.api_key is None else caller.api_key.id,
            "expires_at": now + life,
            "settings": None if settings is None else validation.json_object(settings, field="session"),
        }
        unused = (visible(tickets, scope), tickets.c.user_id == scope.user_id, tickets.c.expires_at <= now)
        async with self._database.tenant(scope) as connection:
            await connection.execute(delete(tickets).where(*unused))
            await connection.execute(insert(tickets).values(row))
        return Ticket(ticket=made.text, expires_in_seconds=int(life.total_seconds()))

    async def redeem(self, ticket: str, *, subdomain: str | None = None) -> Redeemed:
        """Who was given `ticket`, and for what. It is gone then, also where it turns out to be good for nothing.

        Raises:
            Unauthenticated: it was used, its minute is over, or what is behind it is not good any more.

        Cost: one transaction of one statement.
        """
        shown = Credential.read(Kind.TICKET, ticket)
        scope = Scope(tenant_id=shown.tenant_id, role=Role.SERVICE)  # whose it is stands in it; sessions are personal
        mine = (visible(tickets, scope), tickets.c.id == shown.id, tickets.c.secret_sha256 == shown.sha256)
        taken = delete(tickets).where(*mine).returning(tickets).cte("taken")
        async with self._database.tenant(scope) as connection:
            row = (await connection.execute(_holder(taken, scope))).mappings().one_or_none()
        organisation, user = principal(row, clock=self._clock, subdomain=subdomain)
        assert row is not None
        if is_over(row["ticket_ends"], self._clock) or self._is_void(row):
            raise refused()
        key = None if row["ticket_key_id"] is None else _key(row)
        caller = Caller(
            organisation=organisation,
            user=user,
            session_id=row["ticket_session_id"],
            api_key=key,
            grant=None if key is None else grant_of(key, user),
        )
        return Redeemed(caller=caller, settings=row["ticket_settings"])

    def _is_void(self, row: RowMapping) -> bool:
        """Whether the session or the key behind a ticket has ended meanwhile."""
        if row["ticket_key_id"] is not None:
            return row["key_id"] is None or is_over(row["key_expires_at"], self._clock)
        ended: UUID | None = row["live_session_id"]
        return ended is None or is_over(row["session_ends"], self._clock)


def _holder(taken: CTE, scope: Scope):
    of_session = and_(
        visible(sessions, scope),
        sessions.c.id == taken.c.session_id,
        sessions.c.user_id == users.c.id,
        sessions.c.revoked_at.is_(None),
    )
    of_key = and_(visible(api_keys, scope), api_keys.c.id == taken.c.api_key_id, api_keys.c.user_id == users.c.id)
    joined = (
        members_of(scope.tenant_id)
        .join(taken, taken.c.user_id == users.c.id)
        .outerjoin(sessions, of_session)
        .outerjoin(api_keys, of_key)
    )
    return (
        select(
            *COLUMNS,
            taken.c.expires_at.label("ticket_ends"),
            taken.c.session_id.label("ticket_session_id"),
            taken.c.api_key_id.label("ticket_key_id"),
            taken.c.settings.label("ticket_settings"),
            sessions.c.id.label("live_session_id"),
            sessions.c.expires_at.label("session_ends"),
            *(field.label(f"key_{field.name}") for field in KEY_FIELDS),
        )
        .select_from(joined)
        .where(of_tenant(scope.tenant_id), or_(taken.c.session_id.is_not(None), taken.c.api_key_id.is_not(None)))
    )


def _key(row: RowMapping) -> ApiKey:
    return msgspec.convert({name: row[f"key_{name}"] for name in ApiKey.__struct_fields__}, ApiKey)
